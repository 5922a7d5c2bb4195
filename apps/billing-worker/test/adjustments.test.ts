import { type Db, sql, usageAdjustmentChecks, usageAdjustments, usageReports } from "@driftlock/db";
import { freezeWindow } from "@driftlock/domain";
import { expect, test } from "vitest";
import { freezeAdjustments } from "../src/adjustments/freeze-adjustments.ts";
import { createSendAdjustment } from "../src/adjustments/send-adjustment.ts";
import { closePeriods } from "../src/periods/close-periods.ts";
import { storeEvents } from "./helpers.ts";
import { dyingDb, openPaying, openRunning, type PayingWorld } from "./time-world.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const accountId = "acme";

interface Renewal {
  quantity?: number;
  /** What of it Stripe was told in time. */
  reported?: number;
  mismatch?: string | null;
}

/** Pro, renewed: its first period is closed. */
async function openRenewed({ quantity = 150_000, reported = quantity, mismatch = null }: Renewal = {}) {
  const world = await openPaying();
  const { db, stripe } = world;
  const { start, end } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await report(world, { at: new Date(start.getTime() + dayMs), quantity: reported });
  await world.travelTo(end);
  const draft = (await world.invoices()).at(-1);
  if (draft?.status !== "draft") throw new Error("there is no draft");
  await stripe.invoices.finalizeInvoice(draft.id);
  await world.syncAll([world.subscription, "subscription"], [draft.id, "invoice"]);
  const late = [{ at: new Date(start.getTime() + 2 * dayMs), quantity: quantity - reported }];
  await storeEvents(db, accountId, late);
  await db.run(
    "test.close",
    sql`insert into period_closes (stripe_subscription_id, period_start, period_end, account_id, ending, invoice_id, state,
      mismatch, due_at, deadline_at, claimed_at, closed_at)
    select ${world.subscription}::text, ${start}::timestamptz, ${end}::timestamptz, ${accountId}::text, 'finalize',
      ${draft.id}::text, 'closed', ${mismatch}::text, now(), now(), now(), now()
    on conflict (stripe_subscription_id, period_start) do update set state = 'closed', mismatch = excluded.mismatch,
      closed_at = now()`,
  );
  const periods = [
    { periodStart: start, periodEnd: end, planId: "pro", stripeSubscriptionId: world.subscription },
  ];
  await db.transaction((tx) => closePeriods(tx, { accountId, periods, now: world.clock.now() }));
  return { ...world, start, end };
}

type Renewed = Awaited<ReturnType<typeof openRenewed>>;

async function report(world: PayingWorld, event: { at: Date; quantity: number }): Promise<void> {
  await storeEvents(world.db, accountId, [event]);
  const now = world.clock.now();
  const totals = await usageReports.listUnreported(world.db, { limit: 10 });
  await usageReports.insertReports(
    world.db,
    totals.map((total) => freezeWindow(total, now)),
    now,
  );
  await world.sendReports();
}

/** Late events of the closed period, stored and marked as the aggregator does. */
async function comeLate({ db, start, end, clock }: Renewed, quantity: number): Promise<void> {
  await storeEvents(db, accountId, [{ at: new Date(end.getTime() - hourMs - quantity), quantity }]);
  const marks = { accountIds: [accountId], periodStarts: [start], now: clock.now() };
  await usageAdjustmentChecks.markClosedPeriods(db, marks);
}

const sender = (world: Renewed, db: Db = world.db) => createSendAdjustment({ ...world, db });
const adjustments = (world: Renewed) =>
  world.rows<{ window: string; amount: number; state: string; billed_on: string | null; reason: string }>(
    sql`select from_quantity || '-' || to_quantity as window, amount_minor as amount, state, billed_on, reason
    from usage_adjustments order by window_no`,
  );
const ids = async (world: Renewed) =>
  (await usageAdjustments.listAdjustments(world.db, { accountId, state: null, limit: 10, after: null })).map(
    ({ adjustmentId }) => adjustmentId,
  );

/** What the worker does with what is due, once. */
async function adjust(world: Renewed, db: Db = world.db): Promise<void> {
  const due = { markedBefore: new Date(8.64e15), wallNow: new Date(8.64e15), limit: 10 };
  for (const period of await usageAdjustmentChecks.listDueChecks(world.db, due))
    await freezeAdjustments({ ...world, db }, period);
  for (const id of await ids(world)) await sender(world, db)(id, world.context);
}
const itemsOf = async ({ stripe, customer }: Renewed) =>
  (await stripe.invoiceItems.list({ customer, limit: 100 })).data;

test("usage that comes after the close is an item of the next invoice, once, wherever the worker dies", {
  timeout: 60_000,
}, async () => {
  const world = await openRenewed();
  await adjust(world);
  expect(await adjustments(world)).toEqual([]);
  await comeLate(world, 1_000);
  for (let calls = 0; (await adjustments(world))[0]?.state !== "sent"; calls += 1) {
    await adjust(world, dyingDb(world.db, calls)).catch(({ message }: Error) =>
      expect(message).toBe("crashed"),
    );
    expect(calls).toBeLessThan(30);
  }
  await comeLate(world, 2_010);
  await adjust(world);
  await adjust(world);
  expect(await adjustments(world)).toMatchObject([
    { window: "150000-151000", amount: 50, billed_on: "subscription", reason: "late" },
    { window: "151000-153010", amount: 101, state: "sent" },
  ]);
  const [first, second] = (await itemsOf(world)).reverse();
  expect(first).toMatchObject({
    amount: 50,
    invoice: null,
    description: expect.stringMatching(/^Late usage: 1,000 events, \d+ .*\d{4}$/),
    parent: { subscription_details: { subscription: world.subscription } },
  });
  expect(second).toMatchObject({ amount: 101 });
  expect(await itemsOf(world)).toHaveLength(2);

  await world.travelTo(new Date(world.end.getTime() + 32 * dayMs));
  const next = (await world.invoices()).at(-1)!;
  expect(next.total).toBe(2_900 + 151);
  if (next.status === "draft") await world.stripe.invoices.finalizeInvoice(next.id);
  await world.syncAll([next.id, "invoice"]);
  expect((await adjustments(world)).map(({ state }) => state)).toEqual(["invoiced", "invoiced"]);
});

test("what costs nothing is settled; a total that shrank is a credit", async () => {
  const world = await openRenewed({ quantity: 110_000 });
  await world.db.run(
    "test",
    sql`update plan_limits set included_quantity = 200000 where overage_policy = 'bill'`,
  );
  await comeLate(world, 5);
  await adjust(world);
  await world.db.run(
    "test",
    sql`update plan_limits set included_quantity = 100000 where overage_policy = 'bill'`,
  );
  await world.db.run(
    "test",
    sql`update usage_totals set quantity = 109005 where period_start = ${world.start}::timestamptz`,
  );
  await comeLate(world, 0);
  await adjust(world);
  expect(await adjustments(world)).toMatchObject([
    { window: "110000-110005", amount: 0, state: "settled" },
    { window: "110005-109005", amount: -50, state: "sent" },
  ]);
  expect(await itemsOf(world)).toMatchObject([
    { amount: -50, description: expect.stringMatching(/^Usage correction: -1,000 events/) },
  ]);
});

test("where the subscription has ended it is an invoice of its own, with nothing else on it", {
  timeout: 60_000,
}, async () => {
  const world = await openRenewed();
  const { stripe, customer, subscription } = world;
  await comeLate(world, 1_000);
  await adjust(world);
  // Ends without an invoice: the item that waits for one goes to the next adjustment's kind of invoice.
  await stripe.subscriptions.cancel(subscription, { invoice_now: false, prorate: false });
  await world.syncAll([subscription, "subscription"]);
  await stripe.invoiceItems.create({
    customer,
    amount: 999,
    currency: "usd",
    description: "somebody else's",
  });
  await comeLate(world, 3_000);
  for (
    let calls = 0;
    (await adjustments(world)).filter(({ state }) => state === "sent").length < 2 || calls < 20;
    calls += 1
  )
    await adjust(world, dyingDb(world.db, calls)).catch(({ message }: Error) =>
      expect(message).toBe("crashed"),
    );
  expect(await adjustments(world)).toMatchObject([
    { amount: 50, billed_on: "own-invoice" },
    { amount: 150, billed_on: "own-invoice" },
  ]);
  const own = (await stripe.invoices.list({ customer, limit: 100 })).data.filter(
    ({ metadata }) => metadata?.["adjustment_id"] !== undefined,
  );
  expect(own.map(({ total, status, lines }) => `${total} ${status} ${lines.data.length}`).sort()).toEqual([
    "150 paid 1",
    "50 paid 1",
  ]);
  expect((await itemsOf(world)).filter(({ invoice }) => invoice === null)).toMatchObject([{ amount: 999 }]);
  for (const { id } of own) await world.syncAll([id, "invoice"]);
  expect((await adjustments(world)).map(({ state }) => state)).toEqual(["invoiced", "invoiced"]);
});

test("of a deleted customer it is a person's to decide: not tried for ever, and it can be waived", async () => {
  const world = await openRenewed();
  await comeLate(world, 4_000);
  await world.stripe.customers.del(world.customer);
  await adjust(world);
  expect(await adjustments(world)).toMatchObject([{ amount: 200, state: "review" }]);
  const [adjustmentId = ""] = await ids(world);
  expect(await usageAdjustments.updateAdjustmentDecided(world.db, { adjustmentId, state: "waived" })).toBe(1);
  await adjust(world);
  expect(await adjustments(world)).toMatchObject([{ state: "waived" }]);
});

test("a day after the first try Stripe is asked what it has before anything is sent again", async () => {
  const world = await openRenewed();
  await comeLate(world, 1_000);
  const { db, stripe, customer, clock } = world;
  await freezeAdjustments(world, { accountId, periodStart: world.start });
  const [adjustmentId = ""] = await ids(world);
  const now = clock.now();
  await usageAdjustments.updateAdjustmentRoute(db, { adjustmentId, billedOn: "subscription", now });
  // The answer to this one was lost, and so was its key.
  const item = await stripe.invoiceItems.create({
    customer,
    subscription: world.subscription,
    amount: 50,
    currency: "usd",
    metadata: { adjustment_id: adjustmentId },
  });
  await world.travelTo(new Date(now.getTime() + dayMs));
  await sender(world)(adjustmentId, world.context);
  expect(await itemsOf(world)).toHaveLength(1);
  expect(await usageAdjustments.findAdjustment(db, adjustmentId)).toMatchObject({
    state: "sent",
    stripeInvoiceItemId: item.id,
  });
});

test("what Stripe was not told by the deadline is adjusted to what its invoice bills, not to what was sent since", async () => {
  const world = await openRenewed({ reported: 120_000, mismatch: "used 150000, reported 120000" });
  // It recovers only now: for the invoice that is too late.
  await world.db.run(
    "test",
    sql`update usage_reports set to_quantity = 150000 where period_start = ${world.start}::timestamptz`,
  );
  await adjust(world);
  expect(await adjustments(world)).toMatchObject([
    { window: "120000-150000", amount: 1_500, state: "sent", reason: "remainder" },
  ]);
});

test("where the close has ended the subscription, what was sent since is on no invoice", async () => {
  const world = await openRenewed({ reported: 120_000, mismatch: "used 150000, reported 120000" });
  const { db, start, clock } = world;
  await db.run(
    "test",
    sql`update period_closes set ending = 'cancel', invoice_id = null, closed_at = ${clock.now()}::timestamptz`,
  );
  const sentAt = new Date(clock.now().getTime() + 60_000);
  await db.run(
    "test",
    sql`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity, to_quantity,
      stripe_customer_id, meter_event_name, event_at, state, created_at, sent_at)
    select 'late', account_id, metric, period_start, 2, 120000, 150000, stripe_customer_id, meter_event_name, event_at,
      'sent', created_at, ${sentAt}::timestamptz from usage_reports where period_start = ${start}::timestamptz`,
  );
  await adjust(world);
  expect(await adjustments(world)).toMatchObject([
    { window: "120000-150000", amount: 1_500, reason: "remainder" },
  ]);
});

test("the worker by itself: a late event's cents are on the invoice before the clock arrives", {
  timeout: 120_000,
}, async () => {
  const world = await openRunning();
  const { start, end } = world;
  await storeEvents(world.db, accountId, [{ at: new Date(start.getTime() + hourMs), quantity: 150_000 }]);
  await world.travelTo(new Date(end.getTime() + dayMs));
  await comeLate(world, 4_000);
  await world.travelTo(new Date(end.getTime() + 2 * dayMs));
  await world.travelTo(new Date(end.getTime() + 32 * dayMs));
  expect((await world.invoices()).map(({ total, status }) => [total, status])).toEqual([
    [2_900, "paid"],
    [5_400, "paid"],
    [2_900 + 200, "paid"],
  ]);
  expect(await adjustments(world)).toMatchObject([
    { window: "150000-154000", amount: 200, state: "invoiced" },
  ]);
});
