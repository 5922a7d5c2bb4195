import { createDb, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { fiveTotals } from "../five-totals.ts";
import { system } from "../system.ts";

/** The account's periods on paid plans, each with the events that it counts. */
async function paidPeriods(databaseUrl: string, accountId: string) {
  const db = createDb({ connectionString: databaseUrl, applicationName: "driftlock-e2e", connectionsMax: 1 });
  try {
    return await db.rows<{ plan: string; start: Date; end: Date; events: number }>(
      "e2e.periods",
      sql`select p.plan_id as plan, p.period_start as start, p.period_end as end, coalesce(t.quantity, 0) as events
      from usage_periods p left join usage_totals t on t.account_id = p.account_id and t.period_start = p.period_start
        and t.metric = 'events'
      where p.account_id = ${accountId}::text and p.stripe_subscription_id is not null order by p.period_start`,
    );
  } finally {
    await db.end();
  }
}

test("an upgrade in mid-month while usage flows: what was used on Pro is billed to the event, the rest is Business's", {
  timeout: 120_000,
}, async () => {
  const driver = system();
  const account = await driver.openAccount("grows");
  const { period } = await driver.subscribe(account, "pro");
  await driver.travelDays(10);
  await driver.send(account, { prefix: "before", count: 120_000 });
  const preview = await driver.request<{ amountDueMinor: number }>("PATCH", "/billing/subscription", {
    body: { accountId: account, planId: "business", preview: true },
  });
  expect(preview.status).toBe(200);

  let isFlowing = true;
  const flow = (async () => {
    let sent = 0;
    while (isFlowing) {
      await driver.send(account, { prefix: "flowing", first: sent, count: 50 });
      sent += 50;
    }
    return sent;
  })();
  const changed = await driver.request("PATCH", "/billing/subscription", {
    body: { accountId: account, planId: "business" },
  });
  isFlowing = false;
  const flowed = await flow;
  expect(changed).toMatchObject({ status: 200, body: { planId: "business", status: "active" } });
  expect(await driver.metric(account, "events")).toMatchObject({ limit: null });

  const [pro, business] = await paidPeriods(driver.dev.databaseUrl, account);
  if (pro === undefined) throw new Error("there is no paid period");
  expect([pro.plan, business?.plan]).toEqual(["pro", "business"]);
  const used = pro.events;
  await expect
    .poll(
      async () =>
        (await paidPeriods(driver.dev.databaseUrl, account)).reduce((sum, { events }) => sum + events, 0),
      { timeout: 20_000 },
    )
    .toBe(120_000 + flowed);
  expect(
    await fiveTotals(driver, account, "events", { start: period.start, end: pro.end.toISOString() }),
  ).toEqual({ accepted: used, stored: used, counted: used, reported: used, invoiced: used });
  const invoice = (await driver.invoices(account))[0];
  const overageMinor = Math.round((used - 100_000) * 0.05);
  const metered = invoice?.lines.filter(({ quantity }) => quantity !== 1) ?? [];
  expect(metered.reduce((sum, { amountMinor }) => sum + amountMinor, 0)).toBe(overageMinor);
  // A few seconds of the month, and what flowed in them, lie between the preview and the change.
  expect(Math.abs((invoice?.totalMinor ?? 0) - preview.body.amountDueMinor)).toBeLessThan(
    2 + overageMinor - 1_000,
  );
});

test("an upgrade whose card is declined is 402 with the reason, and nothing has changed", {
  timeout: 60_000,
}, async () => {
  const driver = system();
  const account = await driver.openAccount("declined");
  await driver.subscribe(account, "pro");
  const customer = await driver.customerOf(account);
  const [subscription] = (await driver.stripe.subscriptions.list({ customer })).data;
  const card = await driver.stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer });
  await driver.stripe.subscriptions.update(subscription?.id ?? "", { default_payment_method: card.id });
  expect(
    await driver.request("PATCH", "/billing/subscription", {
      body: { accountId: account, planId: "business" },
    }),
  ).toMatchObject({ status: 402, body: { code: "PAYMENT_FAILED", declineCode: "generic_decline" } });
  expect(await driver.subscription(account)).toMatchObject({ planId: "pro", status: "active" });
  expect(await driver.metric(account, "events")).toMatchObject({ limit: 100_000 });
});
