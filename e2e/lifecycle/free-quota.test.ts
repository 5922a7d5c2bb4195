import { expect, test } from "vitest";
import { system } from "../system.ts";

test("a new account is on Free with a period of one month", async () => {
  const driver = system();
  const account = await driver.openAccount("newcomer");
  const view = await driver.subscription(account);
  expect(view).toMatchObject({
    planId: "free",
    cancelAtPeriodEnd: false,
    pendingPlanId: null,
    access: "full",
  });
  const days = (Date.parse(view.period.end) - Date.parse(view.period.start)) / 86_400_000;
  expect(days).toBeGreaterThanOrEqual(28);
  expect(days).toBeLessThanOrEqual(31);
});

test("10,000 events on Free are taken, the next is refused, all of them again change nothing", async () => {
  const driver = system();
  const account = await driver.openAccount("free");
  expect(await driver.send(account, { prefix: "e", count: 10_000 })).toMatchObject({
    accepted: 10_000,
    rejected: 0,
  });

  const next = await driver.request("POST", "/billing/usage", {
    body: { id: "one-more", metric: "events", accountId: account },
  });
  expect(next).toMatchObject({ status: 429, body: { code: "QUOTA_EXCEEDED" } });
  expect(Number(next.headers.get("retry-after"))).toBeGreaterThan(0);

  expect(await driver.send(account, { prefix: "e", count: 10_000 })).toMatchObject({
    accepted: 0,
    duplicates: 10_000,
    rejected: 0,
  });
  const conflict = await driver.request("POST", "/billing/usage", {
    body: { id: "e-17", metric: "events", quantity: 2, accountId: account },
  });
  expect(conflict).toMatchObject({ status: 409, body: { code: "EVENT_CONFLICT" } });
  expect(await driver.metric(account, "events")).toMatchObject({
    used: 10_000,
    limit: 10_000,
    remaining: 0,
    overage: 0,
  });
});

test("Free again after a month: the quota is reset once, the old usage is not carried over", async () => {
  const driver = system();
  const account = await driver.openAccount("monthly");
  await driver.send(account, { prefix: "first", count: 10_000 });
  const before = await driver.subscription(account);
  await driver.travelTo(new Date(Date.parse(before.period.end) + 60_000));
  const after = await driver.subscription(account);
  expect(after.period.start).toBe(before.period.end);
  expect(await driver.metric(account, "events")).toMatchObject({ used: 0, remaining: 10_000 });
  expect(await driver.send(account, { prefix: "second", count: 10_001 })).toMatchObject({
    accepted: 10_000,
    rejected: 1,
  });
});
