import { expect, test } from "vitest";
import { fiveTotals } from "../five-totals.ts";
import { system } from "../system.ts";

test("150,000 events on Pro, a month later: one invoice of $29 and $25, usage 0, five totals agree", {
  timeout: 120_000,
}, async () => {
  const driver = system();
  const account = await driver.openAccount("heavy");
  const { period } = await driver.subscribe(account, "pro");
  expect(await driver.send(account, { prefix: "e", count: 150_000 })).toMatchObject({ accepted: 150_000 });
  expect(await driver.metric(account, "events")).toMatchObject({
    used: 150_000,
    overage: 50_000,
    overagePolicy: "bill",
  });

  await driver.travelTo(new Date(Date.parse(period.end) + 3_600_000));

  expect(await driver.renewalOf(account)).toMatchObject({ totalMinor: 5_400, currency: "usd" });
  expect(await driver.metric(account, "events")).toMatchObject({ used: 0, overage: 0, limit: 100_000 });
  expect((await driver.subscription(account)).period.start).toBe(period.end);
  expect(await fiveTotals(driver, account, "events", period)).toEqual({
    accepted: 150_000,
    stored: 150_000,
    counted: 150_000,
    reported: 150_000,
    invoiced: 150_000,
  });
});
