import { type CloseKey, sql, usageStreamPositions } from "@driftlock/db";
import { keys, partitionOf } from "@driftlock/redis";
import { expect, test } from "vitest";
import { createClosePeriod } from "../src/closing/close-period.ts";
import { openCancelClose } from "../src/closing/open-cancel-close.ts";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { storeEvents, toldPeriods } from "./helpers.ts";
import { dyingDb, keepReporting, openPaying, type PayingWorld } from "./time-world.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** The close as the worker runs it; its wall clock is ours, so that no test waits for a backoff. */
function closer(world: PayingWorld) {
  const wall = { ms: Date.now() };
  const deps = {
    ...world,
    wallClock: { now: () => new Date(wall.ms) },
    pushLimits: createPushLimits(world),
    latenessMs: 5 * minuteMs,
  };
  const run = async (db = world.db) => {
    const [key] = await world.rows<CloseKey>(
      sql`select stripe_subscription_id as "stripeSubscriptionId", period_start as "periodStart" from period_closes
      where closed_at is null limit 1`,
    );
    if (key !== undefined) await createClosePeriod({ ...deps, db })(key, world.context);
    wall.ms += 5 * minuteMs;
  };
  return {
    run,
    state: async () =>
      (
        await world.rows<{ state: string; mismatch: string | null }>(
          sql`select state, mismatch from period_closes order by claimed_at desc limit 1`,
        )
      )[0],
  };
}

/** Pro with 150,000 events, at its period's end, the draft applied. */
async function atRenewal({ quantity = 150_000 } = {}) {
  const world = await openPaying();
  const { start, end } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + 3 * 86_400_000), quantity }]);
  await world.travelTo(end);
  const draft = (await world.invoices()).at(-1);
  if (draft?.status !== "draft") throw new Error("there is no draft");
  await world.syncAll([world.subscription, "subscription"], [draft.id, "invoice"]);
  const invoice = () => world.stripe.invoices.retrieve(draft.id);
  return { ...world, start, end, draft, invoice };
}

test("the draft is claimed at once, and nothing happens before late usage is in", async () => {
  const world = await atRenewal();
  const close = closer(world);
  await close.run();
  await close.run();
  expect(await close.state()).toEqual({ state: "draining", mismatch: null });
  expect(await world.invoice()).toMatchObject({
    status: "draft",
    auto_advance: true,
    automatically_finalizes_at: world.end.getTime() / 1000 + 86_400,
  });
});

test("wherever it dies, another goes on: reported, verified, finalized and reset once", {
  timeout: 60_000,
}, async () => {
  const world = await atRenewal();
  const close = closer(world);
  await world.travelTo(new Date(world.end.getTime() + 5 * minuteMs));
  for (let calls = 1; (await close.state())?.state !== "closed"; calls += 1) {
    await close.run(dyingDb(world.db, calls)).catch((error: Error) => expect(error.message).toBe("crashed"));
    await world.sendReports();
    expect(calls).toBeLessThan(60);
  }
  expect(await close.state()).toEqual({ state: "closed", mismatch: null });
  expect(await world.invoice()).toMatchObject({ status: "paid", total: 5_400 });
  expect((await toldPeriods(world.db, "acme")).filter((line) => line.includes("pro"))).toEqual([
    expect.stringMatching(/pro closed events=150000$/),
    expect.stringMatching(/pro$/),
    expect.stringMatching(/pro$/),
  ]);
  expect((await world.notices()).filter(({ type }) => type === "period.reset")).toHaveLength(1);
  const reports = await world.rows<{ quantity: number; late: boolean }>(
    sql`select sum(to_quantity - from_quantity)::bigint as quantity, bool_or(event_at >= ${world.end}::timestamptz) as late from usage_reports`,
  );
  expect(reports).toEqual([{ quantity: 150_000, late: false }]);
  const before = await world.rows(sql`select limits_version from accounts`);
  await close.run();
  expect(await world.rows(sql`select limits_version from accounts`)).toEqual(before);
});

test("usage that is accepted but not stored yet is waited for", async () => {
  const world = await atRenewal({ quantity: 1 });
  const close = closer(world);
  const partition = partitionOf("acme", 4);
  await world.travelTo(new Date(world.end.getTime() + 5 * minuteMs));
  await usageStreamPositions.insertPositionsIfMissing(world.db, 4);
  await world.redis.hset(keys.meta(partition), "epoch", "first");
  const streamId = (await world.redis.xadd(keys.stream(partition), "*", "a", "[]", "d", "[]")) ?? "";
  await close.run();
  await close.run();
  expect((await close.state())?.state).toBe("draining");
  await storeEvents(world.db, "acme", [{ at: new Date(world.end.getTime() - 1000), quantity: 120_000 }]);
  await usageStreamPositions.advancePosition(world.db, {
    partition,
    fence: 0,
    from: { epoch: "", streamId: "0-0" },
    to: { epoch: "first", streamId, lastRead: "" },
  });
  await close.run();
  await world.sendReports();
  await close.run();
  expect((await close.state())?.state).toBe("closed");
  expect(await world.invoice()).toMatchObject({ total: 2_900 + 1_000 });
});

test("a difference at Stripe holds the draft for a person to look at, and not for ever", {
  timeout: 60_000,
}, async () => {
  const world = await atRenewal();
  const close = closer(world);
  await world.stripe.billing.meterEvents.create({
    event_name: "driftlock_events",
    timestamp: world.end.getTime() / 1000 - 10,
    payload: { stripe_customer_id: world.customer, value: "7" },
  });
  await world.travelTo(new Date(world.end.getTime() + 5 * minuteMs));
  for (let tries = 0; tries < 12; tries += 1) {
    await close.run();
    await world.sendReports();
  }
  expect(await close.state()).toEqual({
    state: "verifying",
    mismatch: "events: reported 150000, Stripe has 150007",
  });
  expect(await world.invoice()).toMatchObject({
    status: "draft",
    automatically_finalizes_at: world.end.getTime() / 1000 + 72 * 3_600,
  });
  await world.travelTo(new Date(world.end.getTime() + 72 * hourMs + minuteMs));
  await close.run();
  expect((await close.state())?.state).toBe("closed");
  expect((await world.invoice()).status).not.toBe("draft");
});

test("a draft that Stripe finalized before us is closed all the same, and said to be unverified", async () => {
  const world = await atRenewal();
  const close = closer(world);
  await world.stripe.invoices.finalizeInvoice(world.draft.id);
  await close.run();
  expect(await close.state()).toEqual({
    state: "closed",
    mismatch: "Stripe finalized the invoice before its usage was verified",
  });
});

test("set to end with its period, the tail of its usage is on the last invoice", async () => {
  const world = await openPaying();
  const { start, end } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.stripe.subscriptions.update(world.subscription, { cancel_at_period_end: true });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await storeEvents(world.db, "acme", [
    { at: new Date(start.getTime() + hourMs), quantity: 100_000 },
    { at: new Date(end.getTime() - 1), quantity: 40_000 },
  ]);
  await world.travelTo(end);
  const last = (await world.invoices()).at(-1);
  if (last === undefined) throw new Error("there is no invoice");
  await world.syncAll([world.subscription, "subscription"], [last.id, "invoice"]);
  await world.travelTo(new Date(end.getTime() + 5 * minuteMs));
  const close = closer(world);
  await close.run();
  await world.sendReports();
  await close.run();
  expect(await close.state()).toEqual({ state: "closed", mismatch: null });
  expect(await world.stripe.invoices.retrieve(last.id)).toMatchObject({ status: "paid", total: 2_000 });
  const told = await toldPeriods(world.db, "acme");
  expect(told.filter((line) => line.includes("pro"))).toEqual([
    expect.stringMatching(/pro closed events=140000$/),
  ]);
  expect(told.at(-1)).toMatch(/free$/);
});

test("cancelled now: what was used is billed up to then, what is used after is on Free, no refund", async () => {
  const world = await openPaying();
  const { start } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await world.travelTo(new Date(start.getTime() + 10 * 86_400_000));
  const cancelAt = new Date(Math.floor(world.clock.now().getTime() / 1000) * 1000);
  await storeEvents(world.db, "acme", [
    { at: new Date(cancelAt.getTime() - 1), quantity: 101_000 },
    { at: new Date(cancelAt.getTime()), quantity: 5 },
  ]);
  const open = () =>
    world.db.transaction((tx) =>
      openCancelClose(tx, { stripeSubscriptionId: world.subscription, cancelAt, now: world.clock.now() }),
    );
  await open();
  expect(await open()).toMatchObject({ state: "draining" });
  const close = closer(world);
  for (let calls = 1; (await close.state())?.state !== "closed"; calls += 1) {
    await close.run(dyingDb(world.db, calls)).catch(() => {});
    await world.sendReports();
    expect(calls).toBeLessThan(60);
  }
  const subscription = await world.stripe.subscriptions.retrieve(world.subscription);
  expect(subscription.status).toBe("canceled");
  const invoices = await world.invoices();
  expect(invoices.map(({ total, status }) => [total, status])).toEqual([
    [2_900, "paid"],
    [50, "paid"],
  ]);
  await world.syncAll([world.subscription, "subscription"]);
  expect((await toldPeriods(world.db, "acme")).slice(-3, -1)).toEqual([
    expect.stringMatching(/pro closed events=101000$/),
    expect.stringMatching(/free events=5$/),
  ]);
  expect(await open()).toBeNull();
});

test("cancelled now, with a difference at Stripe: not billed unverified, and not held for ever", async () => {
  const world = await openPaying();
  const { start } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + hourMs), quantity: 101_000 }]);
  await world.stripe.billing.meterEvents.create({
    event_name: "driftlock_events",
    timestamp: start.getTime() / 1000 + 60,
    payload: { stripe_customer_id: world.customer, value: "7" },
  });
  await world.travelTo(new Date(start.getTime() + 86_400_000));
  const cancelAt = new Date(Math.floor(world.clock.now().getTime() / 1000) * 1000);
  await world.db.transaction((tx) =>
    openCancelClose(tx, { stripeSubscriptionId: world.subscription, cancelAt, now: world.clock.now() }),
  );
  const close = closer(world);
  for (let tries = 0; tries < 12; tries += 1) {
    await close.run();
    await world.sendReports();
  }
  const status = async () => (await world.stripe.subscriptions.retrieve(world.subscription)).status;
  expect(await close.state()).toEqual({
    state: "verifying",
    mismatch: "events: reported 101000, Stripe has 101007",
  });
  expect(await status()).toBe("active");
  await world.travelTo(new Date(cancelAt.getTime() + 24 * hourMs + minuteMs));
  await close.run();
  expect((await close.state())?.state).toBe("closed");
  expect(await status()).toBe("canceled");
});

test("one jump past two renewals: each period closed with all its usage, before the clock arrives", {
  timeout: 120_000,
}, async () => {
  const world = await openPaying();
  await world.receiveWebhooks();
  await world.startWorker();
  keepReporting(world);
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  const { start, end } = await world.period();
  await storeEvents(world.db, "acme", [
    { at: new Date(start.getTime() + hourMs), quantity: 150_000 },
    { at: new Date(end.getTime() + hourMs), quantity: 200_000 },
  ]);
  await world.travelTo(new Date(end.getTime() + 32 * 86_400_000));
  expect((await world.invoices()).map(({ total, status }) => [total, status])).toEqual([
    [2_900, "paid"],
    [5_400, "paid"],
    [7_900, "paid"],
  ]);
  expect((await world.notices()).filter(({ type }) => type === "period.reset")).toHaveLength(2);
  expect((await toldPeriods(world.db, "acme")).filter((line) => line.includes("pro closed"))).toEqual([
    expect.stringMatching(/pro closed events=150000$/),
    expect.stringMatching(/pro closed events=200000$/),
  ]);
});
