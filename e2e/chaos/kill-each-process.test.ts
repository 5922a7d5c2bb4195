import { afterEach, expect, inject, test } from "vitest";
import { endSubscriptions } from "../end-subscriptions.ts";
import { fiveTotals } from "../five-totals.ts";
import { system } from "../system.ts";
import { createProcesses } from "./processes.ts";

const processes = [
  "api",
  "webhook-ingester",
  "usage-aggregator",
  "billing-worker",
  "stripe-simulator",
  "postgres",
  "redis",
];

afterEach(() => endSubscriptions(system()));

// A producer that was answered before Redis died may have been answered by a Redis that had not yet synced
// (USAGE_DURABILITY=redis): there it sends all of its events again at the end, which is always safe, and is exact.
test.for(processes)(
  "kill -9 of %s while events come in and while the period closes changes no figure",
  { timeout: 180_000 },
  async (name) => {
    const driver = system();
    const account = await driver.openAccount(`kill-${name}`);
    const { period } = await driver.subscribe(account, "pro");

    const sending = driver.send(account, { prefix: "e", count: 120_000, perRequest: 1_000 });
    await createProcesses(inject("pidFolder")).replace(name);
    await sending;
    if (name === "redis") await driver.send(account, { prefix: "e", count: 120_000 });
    expect(await driver.metric(account, "events")).toMatchObject({ used: 120_000, overage: 20_000 });

    const travelling = driver.travelTo(new Date(Date.parse(period.end) + 3_600_000), 120_000);
    await createProcesses(inject("pidFolder")).replace(name);
    await travelling;

    const renewal = await driver.renewalOf(account);
    expect(renewal).toMatchObject({ status: "paid", totalMinor: 3_900 });
    expect(await driver.metric(account, "events")).toMatchObject({ used: 0, limit: 100_000 });
    expect(await driver.subscription(account)).toMatchObject({
      planId: "pro",
      status: "active",
      paymentState: "ok",
    });
    expect(await fiveTotals(driver, account, "events", period)).toEqual({
      accepted: 120_000,
      stored: 120_000,
      counted: 120_000,
      reported: 120_000,
      invoiced: 120_000,
    });
  },
);
