import { expect, test } from "vitest";
import { system } from "../system.ts";

test("Pro with a cap of $1: in force from its answer on, refused at the event that would pass it", async () => {
  const driver = system();
  const account = await driver.openAccount("thrifty");
  await driver.subscribe(account, "pro");
  const cap = await driver.request("PUT", "/billing/spend-cap", {
    body: { accountId: account, amountMinor: 100 },
  });
  expect(cap).toMatchObject({ status: 200, body: { amountMinor: 100, currency: "usd" } });
  // 2,009 units cost $1.0045, which the line rounds to $1.00.
  // 2,009 units cost $1.0045, which the line rounds to $1.00.
  expect(await driver.metric(account, "events")).toMatchObject({ remaining: 102_009 });
  expect(await driver.send(account, { prefix: "e", count: 103_000 })).toMatchObject({
    accepted: 102_009,
    rejected: 991,
  });
  expect(await driver.metric(account, "events")).toMatchObject({
    used: 102_009,
    overage: 2_009,
    remaining: 0,
    overagePolicy: "bill",
  });
});
