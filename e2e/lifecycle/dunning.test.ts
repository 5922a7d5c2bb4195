import { startNoticeReceiver, until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { system } from "../system.ts";

test("a failing renewal is tried on its days; a new card recovers it at once; each step is told once", {
  timeout: 120_000,
}, async () => {
  const driver = system();
  const receiver = await startNoticeReceiver();
  const account = await driver.openAccount("recovers");
  await driver.request("PUT", "/billing/notification-endpoints", {
    body: { accountId: account, endpoints: [{ url: receiver.url }] },
  });
  const { period } = await driver.subscribe(account, "pro");
  await driver.changeCard(account, "pm_card_chargeCustomerFail");
  await driver.travelTo(new Date(Date.parse(period.end) + 2 * 3_600_000));
  expect(await driver.subscription(account)).toMatchObject({
    planId: "pro",
    status: "past_due",
    paymentState: "past_due",
  });

  await driver.travelDays(1.5);
  const cases = await driver.request<{ data: { accountId: string; attempts: number }[] }>(
    "GET",
    "/operator/dunning",
    {
      bearer: driver.dev.operatorKey,
    },
  );
  expect(cases.body.data.find((each) => each.accountId === account)).toMatchObject({ attempts: 1 });

  await driver.changeCard(account, "pm_card_visa");
  await until(
    "the account has recovered",
    async () => (await driver.subscription(account)).status === "active",
  );
  expect(await driver.subscription(account)).toMatchObject({
    planId: "pro",
    paymentState: "ok",
    access: "full",
  });
  await until("the recovery was told", () =>
    receiver.received.some((notice) => notice.type === "invoice.paid"),
  );
  const ids = receiver.received.map((notice) => notice.id);
  expect(new Set(ids).size).toBe(ids.length);
  await receiver.close();
});

test("without a new card it ends in the configured step", { timeout: 120_000 }, async () => {
  const driver = system();
  const account = await driver.openAccount("never-pays");
  const { period } = await driver.subscribe(account, "pro");
  await driver.changeCard(account, "pm_card_chargeCustomerFail");
  await driver.travelTo(new Date(Date.parse(period.end) + 9 * 86_400_000));
  await until(
    "the subscription has ended",
    async () => (await driver.subscription(account)).planId === "free",
  );
  const [subscription] = (
    await driver.stripe.subscriptions.list({ customer: await driver.customerOf(account), status: "all" })
  ).data;
  expect(subscription?.status).toBe("canceled");
});
