import { expect, test } from "vitest";
import { openCancelClose } from "../src/closing/open-cancel-close.ts";
import { closer, hourMs, minuteMs } from "./close-world.ts";
import { storeEvents, toldPeriods } from "./helpers.ts";
import { dyingDb, openPaying } from "./time-world.ts";

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
