import { startNoticeReceiver, until } from "@driftlock/devkit";
import { afterEach, expect, inject, test } from "vitest";
import { endSubscriptions } from "../end-subscriptions.ts";
import { system } from "../system.ts";
import { createProcesses } from "./processes.ts";

const processes = ["billing-worker", "webhook-ingester", "stripe-simulator"];

afterEach(() => endSubscriptions(system()));

test.for(processes)(
  "kill -9 of %s while dunning runs: each day is tried once and told once",
  {
    timeout: 180_000,
  },
  async (name) => {
    const driver = system();
    const receiver = await startNoticeReceiver();
    const account = await driver.openAccount(`dunning-${name}`);
    await driver.request("PUT", "/billing/notification-endpoints", {
      body: { accountId: account, endpoints: [{ url: receiver.url }] },
    });
    const { period } = await driver.subscribe(account, "pro");
    await driver.changeCard(account, "pm_card_chargeCustomerFail");
    const failsAt = Date.parse(period.end) + 2 * 3_600_000;
    await driver.travelTo(new Date(failsAt), 120_000);

    const travelling = driver.travelTo(new Date(failsAt + 3.5 * 86_400_000), 120_000);
    await createProcesses(inject("pidFolder")).replace(name);
    await travelling;

    const attempts = async () => {
      const cases = await driver.request<{ data: { accountId: string; attempts: number }[] }>(
        "GET",
        "/operator/dunning",
        {
          bearer: driver.dev.operatorKey,
        },
      );
      return cases.body.data.find((each) => each.accountId === account)?.attempts;
    };
    await until("both tries were made", async () => (await attempts()) === 2, 60_000);
    await driver.changeCard(account, "pm_card_visa");
    await until(
      "the account has recovered",
      async () => (await driver.subscription(account)).status === "active",
      60_000,
    );

    const told = () => receiver.received.filter(({ type }) => type.startsWith("invoice.payment_failed"));
    await until("every failure was told", () => told().length >= 3, 60_000);
    // At the renewal, on day 1 and on day 3; a notice that was sent again has the same id.
    expect(new Set(told().map(({ id }) => id)).size).toBe(3);
    const customer = await driver.customerOf(account);
    const charges = await driver.stripe.charges.list({ customer, limit: 100 });
    expect(charges.data.filter(({ status }) => status === "succeeded").map(({ amount }) => amount)).toEqual([
      2_900, 2_900,
    ]);
    await receiver.close();
  },
);
