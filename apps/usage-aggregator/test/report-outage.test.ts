import type { Db } from "@driftlock/db";
import { createSharedTokenBuckets } from "@driftlock/redis";
import { createLogger } from "@driftlock/runtime";
import { createStripe } from "@driftlock/stripe";
import { startSimulator } from "@driftlock/stripe-simulator";
import { afterAll, expect, test } from "vitest";
import { compareStaleReports } from "../src/reports/compare-stale-reports.ts";
import { confirmReports } from "../src/reports/confirm-reports.ts";
import { freezeWindows } from "../src/reports/freeze-windows.ts";
import { createSendReports } from "../src/reports/send-reports.ts";
import { createStripeMeterSink, type UsageSink } from "../src/reports/usage-sink.ts";
import { dayMs, openedAt, openWorld } from "./world.ts";

const hourMs = 60 * 60 * 1_000;
const world = await openWorld();
const { db, resources, query } = world;
const simulator = await startSimulator({
  port: 0,
  host: "127.0.0.1",
  statePath: null,
  log: createLogger({ name: "simulator", level: "silent" }),
  wallNow: () => openedAt,
});
afterAll(async () => {
  await simulator.close();
  await world.close();
});

let now = openedAt;
const clock = { now: () => now };
const stripe = createStripe({
  secretKey: "sk_test_outage",
  apiUrl: simulator.url,
  maxNetworkRetries: 0,
  readsPerSecond: 10_000,
  rateLimitTriesMax: 1,
});
const stripeSink = createStripeMeterSink(stripe);

async function travelTo(instant: Date): Promise<void> {
  const { testClocks } = stripe.testHelpers;
  await testClocks.advance(simulator.testClockId, { frozen_time: instant.getTime() / 1_000 });
  await expect
    .poll(async () => (await testClocks.retrieve(simulator.testClockId)).status, { interval: 5 })
    .toBe("ready");
  now = instant;
}
const fault = (body: object) =>
  fetch(`${simulator.url}/_sim/faults`, { method: "POST", body: JSON.stringify(body) });
const endFaults = async () => {
  await fetch(`${simulator.url}/_sim/faults`, { method: "DELETE" });
  await fault({ kind: "no-holding" });
};

/** The same numbers in every run. */
let seed = 4;
const below = (max: number) => (seed = (seed * 48_271) % 2_147_483_647) % max;

const calls = createSharedTokenBuckets({ redis: world.redis, ratePerSecond: 1_000, burst: 1_000 });

/** Every call of every process; two at once for one customer fail the test. */
const underWay = new Map<string, number>();
const watchedSink: UsageSink = {
  ...stripeSink,
  report: async (report) => {
    const count = (underWay.get(report.stripeCustomerId) ?? 0) + 1;
    underWay.set(report.stripeCustomerId, count);
    expect(count).toBe(1);
    try {
      return await stripeSink.report(report);
    } finally {
      underWay.set(report.stripeCustomerId, 0);
    }
  },
};

/** One aggregator, from its start to where it is killed: before its `statements`-th. */
async function liveFor(statements: number): Promise<void> {
  const deps = {
    ...resources,
    db: dyingDb(db, statements),
    clock,
    sink: watchedSink,
    calls,
    callsPerSecond: 1_000,
  };
  const send = createSendReports(deps);
  for (const step of [freezeWindows, () => send(), compareStaleReports, confirmReports])
    await step(deps).catch((error: Error) => expect(error.message).toMatch("crashed"));
}

function dyingDb(alive: Db, calls: number): Db {
  let left = calls;
  const wrap = <Call extends (...given: never[]) => Promise<unknown>>(call: Call) =>
    (async (...given: Parameters<Call>) => {
      if (left-- <= 0) throw new Error("crashed");
      return call(...given);
    }) as unknown as Call;
  return { ...alive, rows: wrap(alive.rows), row: wrap(alive.row), run: wrap(alive.run) };
}

/** Three aggregators live and die side by side; then leases and backoffs, which are wall time, are over. */
async function liveAndDie(): Promise<void> {
  await Promise.all([liveFor(below(12)), liveFor(below(12)), liveFor(below(12))]);
  await query`update usage_reports set next_attempt_at = '-infinity'`;
}

async function setUpStripe() {
  const meter = await stripe.billing.meters.create({
    display_name: "Events",
    event_name: "driftlock_events",
    default_aggregation: { formula: "sum" },
  });
  await query`update metrics set stripe_meter_id = ${meter.id}, stripe_meter_event_name = ${meter.event_name} where metric = 'events'`;
  const product = await stripe.products.create({ name: "Events" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 1,
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
  });
  // Nobody answers there: Stripe keeps each draft open for 72 hours.
  await stripe.webhookEndpoints.create({ url: "http://127.0.0.1:9/", enabled_events: ["invoice.created"] });
  return { meter, price };
}

test("a week without Stripe, with a period's end in it, and processes that die all along: billed exactly", {
  timeout: 120_000,
}, async () => {
  const { meter, price } = await setUpStripe();
  await endFaults();
  const customers = await Promise.all(
    ["arrives", "lost", "shrinks", "late"].map(async (accountId) => {
      await world.openAccount(accountId, "pro");
      const customer = await stripe.customers.create();
      const card = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
      await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } });
      await query`update accounts set stripe_customer_id = ${customer.id} where account_id = ${accountId}`;
      const subscription = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
      });
      return { accountId, customerId: customer.id, subscriptionId: subscription.id };
    }),
  );
  const end = new Date("2026-04-01T00:00:00Z");
  const [march, april] = [new Map<string, number>(), new Map<string, number>()];
  const use = async (accountId: string, quantity: number) => {
    const [totals, periodStart] = now < end ? [march, openedAt] : [april, end];
    totals.set(accountId, (totals.get(accountId) ?? 0) + quantity);
    await query`insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
      values (${accountId}, 'events', ${periodStart}, ${totals.get(accountId)}, 1, ${now})
      on conflict (account_id, metric, period_start) do update set quantity = excluded.quantity`;
  };

  await travelTo(new Date("2026-03-25T00:00:00Z"));
  for (const { accountId } of customers) await use(accountId, 100);
  for (let round = 0; round < 6; round += 1) await liveAndDie();

  // The last calls that Stripe takes are never answered; from then on it answers nothing.
  for (const { accountId } of customers) await use(accountId, 20 + below(10));
  await fault({
    kind: "time-out",
    pathPrefix: "/v1/billing/meter_events",
    delayMs: 1,
    afterEffect: true,
    count: 2,
  });
  await fault({ kind: "rate-limit", pathPrefix: "/v1/billing", count: 3 });
  await fault({ kind: "server-error", pathPrefix: "/v1/billing", count: null });
  for (let hours = 0; hours < 8 * 24; hours += 6) {
    await liveAndDie();
    await travelTo(new Date(now.getTime() + 6 * hourMs));
    for (const { accountId } of customers) {
      const takesBack = accountId === "shrinks" && now < end && (march.get(accountId) ?? 0) > 105;
      if (takesBack) await use(accountId, -3);
      else await use(accountId, below(7));
    }
  }
  await query`update usage_totals set quantity = quantity + 11 where account_id = 'late' and period_start = ${openedAt}`;
  march.set("late", (march.get("late") ?? 0) + 11);
  expect(now.getTime()).toBe(new Date("2026-03-25T00:00:00Z").getTime() + 8 * dayMs);

  await endFaults();
  const open = () =>
    query<{ count: number }>`select count(*) as count from usage_reports where state <> 'confirmed'`;
  for (let round = 0; (await open())[0]!.count > 0 || round < 8; round += 1) {
    expect(round).toBeLessThan(200);
    await liveAndDie();
    await travelTo(new Date(now.getTime() + 5 * 60_000));
  }
  expect(await query`select account_id from usage_reports where state <> 'confirmed'`).toEqual([]);

  for (const { accountId, customerId, subscriptionId } of customers) {
    const span = { stripeMeterId: meter.id, stripeCustomerId: customerId };
    expect(await stripeSink.total({ ...span, from: openedAt, until: end })).toBe(march.get(accountId));
    const until = new Date(end.getTime() + 10 * dayMs);
    expect(await stripeSink.total({ ...span, from: end, until })).toBe(april.get(accountId));
    const drafts = await stripe.invoices.list({ subscription: subscriptionId, status: "draft" });
    expect(drafts.data.map(({ total }) => total)).toEqual([march.get(accountId)]);
  }
});
