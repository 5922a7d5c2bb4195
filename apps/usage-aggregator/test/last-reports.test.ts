import { usageReports } from "@driftlock/db";
import { freezeWindow } from "@driftlock/domain";
import { createSharedTokenBuckets } from "@driftlock/redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { confirmReports } from "../src/reports/confirm-reports.ts";
import { freezeWindows } from "../src/reports/freeze-windows.ts";
import { resendReleased } from "../src/reports/resend-released.ts";
import { createSendReports } from "../src/reports/send-reports.ts";
import { createStripeMeterSink, type UsageSink } from "../src/reports/usage-sink.ts";
import { startMeterStripe } from "./meter-stripe.ts";
import { dayMs, newAccountId, openedAt, openWorld } from "./world.ts";

const minuteMs = 60_000;
const end = new Date("2026-04-01T00:00:00Z");
const world = await openWorld();
const { db, resources, query } = world;
let now = new Date(openedAt.getTime() + dayMs);
const clock = { now: () => now };
const { simulator, stripe, meterId, eventName } = await startMeterStripe({
  formula: "last",
  wallNow: () => now,
});
const sink = createStripeMeterSink(stripe);

beforeAll(
  () =>
    query`update metrics set stripe_meter_id = ${meterId}, stripe_meter_event_name = ${eventName}, report_mode = 'last' where metric = 'events'`,
);
afterAll(async () => {
  await simulator.close();
  await world.close();
});

async function subscribe() {
  now = new Date(openedAt.getTime() + dayMs);
  const accountId = newAccountId();
  await world.openAccount(accountId, "pro");
  const { id: customerId } = await stripe.customers.create();
  await query`update accounts set stripe_customer_id = ${customerId} where account_id = ${accountId}`;
  const period = { accountId, periodStart: openedAt };
  return {
    accountId,
    customerId,
    setTotal: (quantity: number) => query`
      insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
      values (${accountId}, 'events', ${openedAt}, ${quantity}, 1, ${now})
      on conflict (account_id, metric, period_start) do update set quantity = excluded.quantity`,
    atStripe: () =>
      sink.total({ stripeMeterId: meterId, stripeCustomerId: customerId, from: openedAt, until: end }),
    reports: () =>
      query<{ state: string; to: number; at: Date; resend: number }>`
        select state, to_quantity as to, event_at as at, resend_no as resend from usage_reports
        where account_id = ${accountId} order by window_no, resend_no`,
    /** As the close of the period does. */
    freezeLast: async () => {
      const left = await usageReports.listUnreported(db, { period, limit: 10 });
      const windows = left.map((total) => freezeWindow(total, now));
      return usageReports.insertReports(db, windows, now);
    },
  };
}
const calls = createSharedTokenBuckets({ redis: world.redis, ratePerSecond: 1_000, burst: 1_000 });
const freeze = () => freezeWindows({ db, clock });
const send = (through: UsageSink = sink) =>
  createSendReports({ ...resources, clock, sink: through, calls, callsPerSecond: 1_000 })();
const pass = (minutes: number) => {
  now = new Date(now.getTime() + minutes * minuteMs);
};

test("the meter has the newest total, up or down, however often one is told", async () => {
  const { setTotal, atStripe, reports } = await subscribe();
  for (const total of [70, 150, 120]) {
    await setTotal(total);
    await freeze();
    await send();
  }
  expect(await atStripe()).toBe(120);
  const instants = (await reports()).map(({ at }) => at.getTime());
  expect(instants).toEqual([0, 1_000, 2_000].map((ms) => instants[0]! + ms));
  // Two days later, its identifier forgotten: again, as if its first answer had been lost.
  pass(2 * 24 * 60);
  await query`update usage_reports set state = 'pending', next_attempt_at = '-infinity' where to_quantity = 70`;
  expect(await send()).toBe(1);
  expect(await atStripe()).toBe(120);
});

test("a total that Stripe took and lost is found to be missing, and told again", async () => {
  const { setTotal, atStripe, reports, customerId } = await subscribe();
  await setTotal(40);
  await freeze();
  await send({
    ...sink,
    report: async (report) => (report.stripeCustomerId === customerId ? "sent" : "already-there"),
  });
  for (const minutes of [11, 15, 25, 45]) {
    pass(minutes);
    await confirmReports({ ...resources, clock, sink });
  }
  await resendReleased({ ...resources, clock, sink });
  await send();
  expect(await atStripe()).toBe(40);
  pass(11);
  await confirmReports({ ...resources, clock, sink });
  expect((await reports()).map(({ state, resend }) => [state, resend])).toEqual([
    ["replaced", 0],
    ["confirmed", 1],
  ]);
});

test("the last minute of a period is its close's, whose totals come after all others", async () => {
  const { setTotal, atStripe, reports, freezeLast } = await subscribe();
  now = new Date(end.getTime() - 2 * minuteMs);
  await setTotal(10);
  expect(await freeze()).toBe(1);
  await send();
  now = new Date(end.getTime() - 30_000);
  await setTotal(20);
  expect(await freeze()).toBe(0);
  now = new Date(end.getTime() + 5 * minuteMs);
  for (const total of [25, 31]) {
    await setTotal(total);
    expect(await freeze()).toBe(0);
    expect(await freezeLast()).toBe(1);
    await send();
  }
  expect((await reports()).map(({ to, at }) => [to, end.getTime() - at.getTime()])).toEqual([
    [10, 120_000],
    [25, 60_000],
    [31, 59_000],
  ]);
  expect(await atStripe()).toBe(31);
});

test("an invoice bills the newest total of its period, once", async () => {
  const { customerId, setTotal } = await subscribe();
  const product = await stripe.products.create({ name: "Events" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 1,
    recurring: { interval: "month", usage_type: "metered", meter: meterId },
  });
  const card = await stripe.paymentMethods.attach("pm_card_visa", { customer: customerId });
  await stripe.customers.update(customerId, { invoice_settings: { default_payment_method: card.id } });
  const subscription = await stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: price.id }],
  });
  for (const total of [500, 900, 850]) {
    pass(60);
    await setTotal(total);
    await freeze();
    await send();
  }
  expect(
    (await stripe.invoices.createPreview({ customer: customerId, subscription: subscription.id })).total,
  ).toBe(850);
});
