import { expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";
import { openProducer } from "./producer.ts";

const gateway = await openFileGateway();

test("entitlements and an empty series of an account on Free", async () => {
  const { key } = await openProducer(gateway);
  const entitlements = await gateway.request("GET", "/billing/entitlements", { bearer: key });
  expect(entitlements).toMatchObject({
    status: 200,
    body: {
      planId: "free",
      access: "full",
      features: { custom_dashboards: false, sso_integration: false },
      limits: { events: 10_000, alerts: 100, api_requests: null },
      retentionDays: 7,
    },
  });
  const series = (query: string) => gateway.request("GET", `/billing/usage/series?${query}`, { bearer: key });
  const plot = await series("metric=events&window=day&from=2026-01-01T12:00:00Z&to=2026-01-03T00:00:00Z");
  expect(plot.body).toMatchObject({ from: "2026-01-01T00:00:00.000Z", to: "2026-01-03T00:00:00.000Z" });
  expect(plot.body.points).toEqual([
    { at: "2026-01-01T00:00:00.000Z", quantity: 0, count: 0 },
    { at: "2026-01-02T00:00:00.000Z", quantity: 0, count: 0 },
  ]);
  expect((await series("metric=nothing")).status).toBe(422);
  expect(
    (await series("metric=events&window=minute&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z")).status,
  ).toBe(422);
  expect((await series("metric=events&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")).status).toBe(422);
});
