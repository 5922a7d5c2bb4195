import { catalog, sql, usageReports } from "@driftlock/db";
import {
  itemChanges,
  overageAmountMinor,
  presentSubscription,
  previewParams,
  upgradeParams,
} from "@driftlock/domain";
import { expect, test } from "vitest";
import { type Changer, changer } from "./change-world.ts";
import { storeEvents, toldPeriods } from "./helpers.ts";
import { dyingDb, keepReporting, openPaying, type PayingWorld } from "./time-world.ts";

const dayMs = 86_400_000;

/** Ten days into the first month, heard of. */
async function openTenDays(options: Parameters<typeof openPaying>[0] = {}) {
  const world = await openPaying(options);
  const { start, end } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await world.travelTo(new Date(start.getTime() + 10 * dayMs));
  keepReporting(world);
  return { world, start, end, changes: changer(world) };
}

/** Another account on Pro in the same world, heard of. */
async function openAnother(
  { openAccount, createCustomer, subscribe, syncAll }: PayingWorld,
  accountId: string,
) {
  await openAccount(accountId);
  const customer = await createCustomer(accountId);
  const subscription = await subscribe(accountId, customer);
  await syncAll([customer, "customer"], [subscription, "subscription"]);
  return { accountId, customer, subscription };
}

const invoicesOf = async ({ stripe }: PayingWorld, subscription: string) =>
  (await stripe.invoices.list({ subscription, limit: 100 })).data.reverse();

/** Dies at every call of every state, one after the other, and goes on each time as another process would. */
async function finishDying(changes: Changer, changeId: string, db: PayingWorld["db"]): Promise<number> {
  let crashes = 0;
  let before = await changes.find(changeId);
  for (let calls = 1; ; calls += 1) {
    const after = await changes.run(changeId, dyingDb(db, calls)).catch((error: Error) => {
      expect(error.message).toBe("crashed");
      crashes += 1;
      return changes.find(changeId);
    });
    if (after.state === "finished") return crashes;
    if (after.state === "draining") await changes.until(changeId, "reporting");
    if (after.state !== before.state) calls = 0;
    before = after;
    expect(crashes).toBeLessThan(200);
  }
}

const present = async ({ db, stripe, ...world }: PayingWorld, subscription = world.subscription) => {
  const plans = await catalog.listPlans(db);
  const expanded = await stripe.subscriptions.retrieve(subscription, { expand: ["schedule"] });
  const found = presentSubscription(plans, expanded);
  if (found === null) throw new Error("the subscription has ended");
  return { plans, present: found, business: plans.find(({ planId }) => planId === "business") ?? found.plan };
};

const paid = async (world: PayingWorld) =>
  (await world.invoices()).map(({ total, status }) => [total, status]);

const told = async (world: PayingWorld, accountId = "acme") =>
  (await toldPeriods(world.db, accountId))
    .map((line) => line.slice(17))
    .filter((line) => !line.startsWith("free"));

const reported = async ({ rows }: PayingWorld) =>
  rows<{ quantity: number; lastAt: Date }>(
    sql`select coalesce(sum(to_quantity - from_quantity), 0)::bigint as quantity, max(event_at) as "lastAt" from usage_reports`,
  );

test("an upgrade that dies everywhere bills what was used before its second, and charges once", {
  timeout: 60_000,
}, async () => {
  const { world, start, changes } = await openTenDays();
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 130_000 }]);
  const changeId = await changes.ask({
    subscription: world.subscription,
    wish: "change",
    planId: "business",
  });
  // Nothing is made at Stripe before its instant is written.
  await changes.until(changeId, "draining");
  const at = (await changes.find(changeId)).effectiveAt ?? start;
  await storeEvents(world.db, "acme", [
    { at: new Date(at.getTime() - 1), quantity: 7_000 },
    { at, quantity: 9_000 },
  ]);
  expect(await told(world)).toEqual(["pro events=137000", "business events=9000", "business"]);
  expect(await finishDying(changes, changeId, world.db)).toBeGreaterThan(5);
  expect((await changes.find(changeId)).refusal).toBeNull();

  expect(await told(world)).toEqual(["pro closed events=137000", "business events=9000", "business"]);
  expect(await reported(world)).toEqual([{ quantity: 137_000, lastAt: expect.any(Date) }]);
  expect((await reported(world))[0]?.lastAt.getTime()).toBeLessThan(at.getTime());
  const invoices = await world.invoices();
  expect(invoices.map(({ status }) => status)).toEqual(["paid", "paid"]);
  const lines = invoices[1]?.lines.data ?? [];
  expect(lines.filter(({ quantity }) => quantity !== 1).map(({ amount }) => amount)).toEqual([0, 1_850]);
  expect(invoices[1]?.parent?.subscription_details?.subscription_proration_date).toBe(at.getTime() / 1000);
  const { present: after } = await present(world);
  expect(after).toMatchObject({ plan: { planId: "business" }, scheduleId: null, isEnding: false });
  expect(after.items).toHaveLength(1);
  // Asked for once more it finds nothing to do.
  const again = await changes.ask({ subscription: world.subscription, wish: "change", planId: "business" });
  expect((await changes.until(again, "finished")).refusal).toMatchObject({ code: "SAME_PLAN" });
  expect(await world.invoices()).toHaveLength(2);
});

test("a payment that is declined takes the cut back, wherever it dies: nothing has changed", {
  timeout: 60_000,
}, async () => {
  const { world, start, changes } = await openTenDays();
  await world.setCard("pm_card_chargeCustomerFail");
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 100 }]);
  const before = await present(world);
  const changeId = await changes.ask({
    subscription: world.subscription,
    wish: "change",
    planId: "business",
  });
  const { effectiveAt } = await changes.until(changeId, "draining");
  await storeEvents(world.db, "acme", [{ at: effectiveAt ?? start, quantity: 11 }]);
  await finishDying(changes, changeId, world.db);
  expect(await changes.find(changeId)).toMatchObject({
    isCut: false,
    refusal: { code: "PAYMENT_FAILED", declineCode: "generic_decline" },
  });
  expect(await told(world)).toEqual(["pro events=111", "pro"]);
  expect((await present(world)).present).toEqual(before.present);
  expect(await paid(world)).toEqual([[2_900, "paid"]]);
  // What is used goes on being reported for the month that goes on.
  await expect.poll(async () => (await reported(world))[0]?.quantity).toBe(100);
});

test("the preview of an upgrade is what it is then charged, whatever was used", {
  timeout: 60_000,
}, async () => {
  const { world, changes } = await openTenDays();
  for (const quantity of [0, 100_001, 250_333]) {
    const { accountId, subscription } = await openAnother(world, `used-${quantity}`);
    await world.travelDays(1 + quantity / 100_000);
    if (quantity > 0) await storeEvents(world.db, accountId, [{ at: world.clock.now(), quantity }]);
    const changeId = await changes.ask({ accountId, subscription, wish: "change", planId: "business" });
    const { effectiveAt } = await changes.until(changeId, "changing");
    const { present: now, business } = await present(world, subscription);
    const atSeconds = (effectiveAt?.getTime() ?? 0) / 1000;
    const decided = {
      outcome: "decided",
      kind: "upgrade",
      from: now.plan,
      to: business,
      dropped: null,
    } as const;
    expect(previewParams(now, decided, atSeconds)).toEqual(upgradeParams(now, business, atSeconds));
    const preview = await world.stripe.invoices.createPreview({
      subscription,
      subscription_details: previewParams(now, decided, atSeconds),
    });
    await changes.until(changeId, "finished");
    const charged = (await invoicesOf(world, subscription)).at(-1);
    expect(charged).toMatchObject({
      status: "paid",
      amount_paid: preview.amount_due,
      total: preview.total,
    });
    expect(charged?.lines.data.map(({ amount }) => amount)).toEqual(
      preview.lines.data.map(({ amount }) => amount),
    );
  }
});

test("an answer of Stripe that is lost is read back: charged once; one that never comes is given up", {
  timeout: 60_000,
}, async () => {
  const { world, changes } = await openTenDays();
  const begin = async (accountId: string, fault: object) => {
    const { subscription } = await openAnother(world, accountId);
    await world.travelDays(1);
    const changeId = await changes.ask({ accountId, subscription, wish: "change", planId: "business" });
    await changes.until(changeId, "changing");
    await world.addFault({
      kind: "server-error",
      pathPrefix: `/v1/subscriptions/${subscription}`,
      ...fault,
    });
    expect(await changes.run(changeId)).toMatchObject({ state: "changing" });
    return { subscription, changeId };
  };
  for (const afterEffect of [true, false]) {
    const accountId = `lost-${afterEffect}`;
    const { subscription, changeId } = await begin(accountId, { method: "POST", afterEffect, count: 3 });
    expect((await changes.find(changeId)).sentAt).not.toBeNull();
    expect((await changes.until(changeId, "finished")).refusal).toBeNull();
    expect(await invoicesOf(world, subscription)).toHaveLength(2);
    expect(await told(world, accountId)).toEqual(["pro closed", "business", "business"]);
  }
  const { changeId } = await begin("never", { count: null });
  changes.wall.ms += 20_000 * 60_000;
  expect((await changes.until(changeId, "finished")).refusal).toMatchObject({ code: "UNAVAILABLE" });
  expect(await told(world, "never")).toEqual(["pro", "pro"]);
});

test("a renewal that comes between the cut and Stripe: the month is Pro's, and the upgrade is made in the next", {
  timeout: 60_000,
}, async () => {
  const { world, end, changes } = await openTenDays();
  await world.travelTo(new Date(end.getTime() - 20_000));
  await storeEvents(world.db, "acme", [{ at: new Date(end.getTime() - 60_000), quantity: 120_000 }]);
  const changeId = await changes.ask({
    subscription: world.subscription,
    wish: "change",
    planId: "business",
  });
  const { effectiveAt } = await changes.until(changeId, "changing");
  expect(effectiveAt?.getTime()).toBeLessThan(end.getTime());
  await storeEvents(world.db, "acme", [{ at: new Date(end.getTime() - 1), quantity: 5_000 }]);
  await world.travelTo(end);
  const finished = await changes.until(changeId, "finished");
  expect(finished).toMatchObject({ refusal: null });
  expect(finished.effectiveAt?.getTime()).toBeGreaterThan(end.getTime());
  expect(await told(world)).toEqual(["pro events=125000", "pro closed", "business", "business"]);
  const [, draft, upgrade] = await world.invoices();
  await world.syncAll([draft?.id ?? "", "invoice"]);
  await changes.closePeriods();
  expect((await world.invoices())[1]).toMatchObject({ status: "paid", total: 2_900 + 1_250 });
  expect((await told(world))[0]).toBe("pro closed events=125000");
  expect(upgrade).toMatchObject({ status: "paid", billing_reason: "subscription_update", total: 7_000 });
});

test("a downgrade that was scheduled comes back when its cancellation is taken back, and goes with an upgrade, wherever each dies", {
  timeout: 60_000,
}, async () => {
  const { world, changes } = await openTenDays({ planId: "business" });
  const { subscription } = world;
  const ends = async () => {
    const { isEnding, pending, scheduleId } = (await present(world)).present;
    return [isEnding, pending?.planId ?? null, scheduleId !== null];
  };
  const make = async (wish: "change" | "cancel" | "resume", planId?: "pro" | "business") => {
    const changeId = await changes.ask({ subscription, wish, ...(planId && { planId }) });
    await finishDying(changes, changeId, world.db);
    return (await changes.find(changeId)).refusal?.code ?? (await ends());
  };
  expect(await make("resume")).toBe("NOT_CANCELED");
  expect(await make("change", "pro")).toEqual([false, "pro", true]);
  expect(await make("cancel")).toEqual([true, null, false]);
  expect(await make("cancel")).toBe("ALREADY_CANCELED");
  expect(await make("resume")).toEqual([false, "pro", true]);
  expect(await make("change", "business")).toEqual([false, null, false]);
  expect(await make("cancel")).toEqual([true, null, false]);
  expect(await make("resume")).toEqual([false, null, false]);
  expect(await paid(world)).toEqual([[9_900, "paid"]]);
  // Who buys more means to stay.
  const { accountId, subscription: other } = await openAnother(world, "stays");
  await changes.until(await changes.ask({ accountId, subscription: other, wish: "cancel" }), "finished");
  await world.travelDays(1);
  const upgrade = await changes.ask({ accountId, subscription: other, wish: "change", planId: "business" });
  await finishDying(changes, upgrade, world.db);
  expect((await present(world, other)).present).toMatchObject({
    isEnding: false,
    scheduleId: null,
    plan: { planId: "business" },
  });
});

/** Business as a plan that bills events by use, too: at $1 for each 1,000 past the first thousand. */
async function billBusiness({ db, stripe }: PayingWorld): Promise<void> {
  const [meter] = (await stripe.billing.meters.list({ limit: 100 })).data;
  const price = await stripe.prices.create({
    product_data: { name: "Business usage" },
    currency: "usd",
    recurring: { interval: "month", usage_type: "metered", meter: meter?.id ?? "" },
    billing_scheme: "tiered",
    tiers_mode: "graduated",
    tiers: [
      { up_to: 1_000, unit_amount: 0 },
      { up_to: "inf", unit_amount_decimal: "0.1" as never },
    ],
  });
  await db.run(
    "test.billBusiness",
    sql`update plan_limits set overage_policy = 'bill', included_quantity = 1000, overage_amount_minor = 100,
      overage_per_units = 1000, stripe_price_id = ${price.id}::text where plan_id = 'business' and metric = 'events'`,
  );
}

test("to a plan that bills by use, too: what is used past the cut is not reported before Stripe has its price", {
  timeout: 60_000,
}, async () => {
  const { world, start, end, changes } = await openTenDays();
  await billBusiness(world);
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 102_000 }]);
  const changeId = await changes.ask({
    subscription: world.subscription,
    wish: "change",
    planId: "business",
  });
  const at = (await changes.until(changeId, "changing")).effectiveAt ?? start;
  await storeEvents(world.db, "acme", [{ at, quantity: 5_000 }]);
  const unreported = async () =>
    (await usageReports.listUnreported(world.db, { limit: 10 })).map(({ quantity }) => quantity);
  expect(await unreported()).toEqual([]);
  await changes.until(changeId, "finished");
  expect(await unreported()).toEqual([5_000]);
  const sums = (invoice: { lines: { data: { amount: number; quantity: number | null }[] } } | undefined) =>
    (invoice?.lines.data ?? []).filter(({ quantity }) => quantity !== 1).map(({ amount }) => amount);
  expect(sums((await world.invoices())[1])).toEqual([0, 100]);
  await world.travelTo(end);
  await world.syncAll(
    [world.subscription, "subscription"],
    [(await world.invoices())[2]?.id ?? "", "invoice"],
  );
  await changes.closePeriods();
  expect(sums((await world.invoices())[2])).toEqual([0, 400]);
  expect((await told(world)).slice(0, 2)).toEqual([
    "pro closed events=102000",
    "business closed events=5000",
  ]);
});

test("back to Pro comes with the next month and its own price: no second allowance is bought", {
  timeout: 60_000,
}, async () => {
  const { world, start, end, changes } = await openTenDays();
  const { subscription } = world;
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 130_000 }]);
  await changes.until(await changes.ask({ subscription, wish: "change", planId: "business" }), "finished");
  const back = await changes.until(
    await changes.ask({ subscription, wish: "change", planId: "pro" }),
    "finished",
  );
  expect(back).toMatchObject({ kind: "downgrade", effectiveAt: end });
  await storeEvents(world.db, "acme", [{ at: new Date(end.getTime() - 1), quantity: 50_000 }]);
  expect((await told(world)).slice(0, 2)).toEqual(["pro closed events=130000", "business events=50000"]);
  await world.travelTo(end);
  await world.syncAll([subscription, "subscription"]);
  expect((await told(world)).slice(0, 3)).toEqual([
    "pro closed events=130000",
    "business events=50000",
    "pro",
  ]);
  const [first, upgrade, renewal] = await world.invoices();
  expect([first?.total, renewal?.total]).toEqual([2_900, 2_900]);
  expect(upgrade?.lines.data.map(({ amount }) => amount)).toContain(1_500);
  expect(await reported(world)).toEqual([{ quantity: 130_000, lastAt: expect.any(Date) }]);
});

test("back to Pro by hand at Stripe within the month: both sides count anew from there, and agree", {
  timeout: 60_000,
}, async () => {
  const { world, start, end, changes } = await openTenDays();
  const { subscription, stripe } = world;
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 130_000 }]);
  const { plans, present: pro } = await present(world);
  await changes.until(await changes.ask({ subscription, wish: "change", planId: "business" }), "finished");
  const { present: business } = await present(world);
  await world.travelDays(2);
  await stripe.subscriptions.update(subscription, {
    items: itemChanges(business, pro.plan),
    proration_behavior: "always_invoice",
  });
  await world.syncAll([subscription, "subscription"]);
  await world.travelDays(1);
  await storeEvents(world.db, "acme", [{ at: world.clock.now(), quantity: 110_000 }]);
  await world.travelTo(end);
  const draft = (await world.invoices()).at(-1);
  await world.syncAll([subscription, "subscription"], [draft?.id ?? "", "invoice"]);
  await changes.closePeriods();
  expect((await told(world)).slice(0, 3)).toEqual([
    "pro closed events=130000",
    "business",
    "pro closed events=110000",
  ]);
  const limit = plans.find((plan) => plan === pro.plan)?.limits.find(({ metric }) => metric === "events");
  const price = { includedQuantity: limit?.includedQuantity ?? 0, amountMinor: 50, perUnits: 1_000 };
  const billed = (await world.invoices()).flatMap((invoice) =>
    invoice.lines.data.filter(({ quantity }) => (quantity ?? 0) > 1).map(({ amount }) => amount),
  );
  expect(billed.filter((amount) => amount > 0)).toEqual([
    overageAmountMinor(130_000, price),
    overageAmountMinor(110_000, price),
  ]);
});

test("usage that Stripe sums up otherwise is never billed by an upgrade: refused, with nothing changed", async () => {
  const { world, start, changes } = await openTenDays();
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 500 }]);
  await world.stripe.billing.meterEvents.create({
    event_name: "driftlock_events",
    timestamp: start.getTime() / 1000 + 60,
    payload: { stripe_customer_id: world.customer, value: "7" },
  });
  const changeId = await changes.ask({
    subscription: world.subscription,
    wish: "change",
    planId: "business",
  });
  expect((await changes.until(changeId, "finished")).refusal).toMatchObject({ code: "UNAVAILABLE" });
  expect(await told(world)).toEqual(["pro events=500", "pro"]);
  expect(await paid(world)).toEqual([[2_900, "paid"]]);
});
