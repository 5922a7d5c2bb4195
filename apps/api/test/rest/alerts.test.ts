import { sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();
const url = "/billing/alerts";

async function openCustomer() {
  const accountId = await gateway.openAccount();
  const bearer = await gateway.addKey(["billing:read", "billing:write"], accountId);
  return {
    accountId,
    get: () => gateway.request("GET", url, { bearer }),
    put: (metrics: unknown) => gateway.request("PUT", url, { bearer, body: { metrics } }),
  };
}
interface Metric {
  metric: string;
}
const ofMetric = (body: { metrics: Metric[] }, metric: string) =>
  body.metrics.find((each) => each.metric === metric);

test("without a choice an account has the defaults of each metric of its plan, and sees what was told", async () => {
  const { accountId, get } = await openCustomer();
  const { body } = await get();
  expect(ofMetric(body, "events")).toEqual({
    metric: "events",
    isDefault: true,
    thresholds: [
      { percent: 50, reachedFrom: 5_000, firedAt: null },
      { percent: 80, reachedFrom: 8_000, firedAt: null },
      { percent: 100, reachedFrom: 10_000, firedAt: null },
    ],
  });
  expect(ofMetric(body, "storage_bytes")).toMatchObject({ thresholds: [{ reachedFrom: null }, {}, {}] });
  await gateway.db.run(
    "test",
    sql`insert into usage_alerts_fired values (${accountId}::text, 'events', ${new Date(body.period.start)}::timestamptz,
      'percent:50', 5001, ${new Date("2026-11-20T10:00:00Z")}::timestamptz)`,
  );
  expect(ofMetric((await get()).body, "events")).toMatchObject({
    thresholds: [{ percent: 50, firedAt: "2026-11-20T10:00:00.000Z" }, { firedAt: null }, {}],
  });
});

test("a choice is the whole set: what is left out has its defaults again, an empty list is silence", async () => {
  const { put, get } = await openCustomer();
  const events = { metric: "events", thresholds: [{ percent: 75 }, { quantity: 123 }] };
  const chosen = await put([events, { metric: "alerts", thresholds: [] }]);
  expect(chosen.status).toBe(200);
  expect(ofMetric(chosen.body, "events")).toEqual({
    metric: "events",
    isDefault: false,
    thresholds: [
      { percent: 75, reachedFrom: 7_500, firedAt: null },
      { quantity: 123, reachedFrom: 123, firedAt: null },
    ],
  });
  expect(ofMetric(chosen.body, "alerts")).toMatchObject({ isDefault: false, thresholds: [] });
  expect((await put([events])).body).toEqual((await get()).body);
  expect(ofMetric((await get()).body, "alerts")).toMatchObject({ isDefault: true });
});

test("a spend cap is told of whatever was chosen, on the metrics that the plan bills", async () => {
  const { accountId, get, put } = await openCustomer();
  await put([{ metric: "events", thresholds: [] }]);
  await gateway.db.run(
    "test",
    sql`update accounts set spend_cap_minor = 1000 where account_id = ${accountId}::text`,
  );
  expect((await get()).body.spendCap).toEqual([]);
  await gateway.db.run(
    "test",
    sql`update usage_periods set plan_id = 'pro' where account_id = ${accountId}::text`,
  );
  expect((await get()).body.spendCap).toEqual([
    { metric: "events", percent: 80, reachedFrom: 115_990, firedAt: null },
    { metric: "events", percent: 100, reachedFrom: 120_009, firedAt: null },
  ]);
});

test.each([
  [[{ metric: "no_such_metric", thresholds: [] }], "UNKNOWN_METRIC"],
  [[{ metric: "events", thresholds: [{ percent: 0 }] }], "INVALID"],
  [[{ metric: "events", thresholds: [{ percent: 50, quantity: 7 }] }], "INVALID"],
  [[{ metric: "events", thresholds: [{ percent: 50 }, { percent: 50 }] }], "INVALID"],
  [[{ metric: "events", thresholds: [{ quantity: 1.5 }] }], "INVALID"],
  [
    [
      { metric: "events", thresholds: [] },
      { metric: "events", thresholds: [] },
    ],
    "INVALID",
  ],
  ["events", "INVALID"],
])("%j is refused: %s, and nothing changes", async (metrics, code) => {
  const { put, get } = await openCustomer();
  await put([{ metric: "events", thresholds: [{ percent: 1 }] }]);
  expect(await put(metrics)).toMatchObject({ status: 422, body: { code } });
  expect(ofMetric((await get()).body, "events")).toMatchObject({ thresholds: [{ percent: 1 }] });
});
