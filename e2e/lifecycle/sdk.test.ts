import { createQuotaCheck, createUsageClient, type Fetch, type RejectedUsage } from "@driftlock/sdk";
import { expect, test } from "vitest";
import { system } from "../system.ts";

test("2,500 events of the client are counted once each, though answers are lost after they were sent", async () => {
  const driver = system();
  const accountId = await driver.openAccount("sdk");
  const created = await driver.request<{ key: string }>("POST", "/operator/keys", {
    body: { name: "producer", accountId, scopes: ["usage:write", "billing:read"] },
    bearer: driver.dev.operatorKey,
  });
  expect(created.status).toBe(201);
  const connection = { url: driver.dev.apiUrl, apiKey: created.body.key };

  let posts = 0;
  const losingEverySecondAnswer: Fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (posts++ % 2 === 1) return response;
    await response.arrayBuffer();
    throw new Error("the answer was lost");
  };
  const rejected: RejectedUsage[] = [];
  const client = createUsageClient({
    ...connection,
    fetch: losingEverySecondAnswer,
    batchEventsMax: 500,
    now: null,
    onRejected: (some) => rejected.push(...some),
  });
  const ids = Array.from({ length: 2_500 }, () => client.record({ metric: "events" }));
  expect(new Set(ids).size).toBe(2_500);
  await client.flush();
  await client.close();
  expect(client.unsent()).toEqual([]);
  expect(rejected).toEqual([]);
  expect(posts).toBeGreaterThan(5);
  expect(await driver.metric(accountId, "events")).toMatchObject({ used: 2_500, remaining: 7_500 });

  const checkQuota = createQuotaCheck({ ...connection, onFailure: "closed", timeoutMs: 10_000 });
  const ask = (quantity: number) => checkQuota({ items: [{ metric: "events", quantity }] });
  expect(await ask(7_500)).toMatchObject({ allowed: true, decidedBy: "gateway" });
  expect(await ask(7_501)).toMatchObject({ allowed: false, decidedBy: "gateway" });
});
