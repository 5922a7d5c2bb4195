import type { AccountLimits } from "@driftlock/contracts";
import { sql, usageAdjustmentChecks, usageAdjustments, usageReports } from "@driftlock/db";
import { itemChanges, overageAmountMinor } from "@driftlock/domain";
import { keys, partitionOf } from "@driftlock/redis";
import { expect, test } from "vitest";
import { freezeAdjustments } from "../src/adjustments/freeze-adjustments.ts";
import { createSendAdjustment } from "../src/adjustments/send-adjustment.ts";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { storeEvents } from "./helpers.ts";
import type { PayingWorld } from "./time-world.ts";
import { dayMs, openTenDays, paid, present, reported, told } from "./upgrade-world.ts";

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

test("back to Pro by hand at Stripe within the month: what is included is given once, limits and invoices say so", {
  timeout: 90_000,
}, async () => {
  const { world, start, end, changes } = await openTenDays();
  const { subscription, stripe } = world;
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 130_000 }]);
  const { present: pro } = await present(world);
  await changes.until(await changes.ask({ subscription, wish: "change", planId: "business" }), "finished");
  const { present: business } = await present(world);
  await world.travelDays(2);
  await stripe.subscriptions.update(subscription, {
    items: itemChanges(business, pro.plan),
    proration_behavior: "always_invoice",
  });
  await world.syncAll([subscription, "subscription"]);
  await world.travelDays(1);
  await storeEvents(world.db, "acme", [
    { at: new Date(start.getTime() + dayMs), metric: "alerts", quantity: 400 },
    { at: world.clock.now(), quantity: 110_000 },
  ]);
  const limits = await limitsNow(world);
  expect(limits["events"]).toMatchObject({ limit: 0, policy: "bill" });
  expect(limits["alerts"]).toMatchObject({ limit: 600, policy: "refuse" });
  await world.travelTo(end);
  const draft = (await world.invoices()).at(-1);
  await world.syncAll([subscription, "subscription"], [draft?.id ?? "", "invoice"]);
  await changes.closePeriods();
  expect((await told(world)).slice(0, 3)).toEqual([
    "pro closed alerts=400 events=130000",
    "business",
    "pro closed events=110000",
  ]);
  const price = { includedQuantity: 100_000, amountMinor: 50, perUnits: 1_000 };
  const billed = (await world.invoices()).flatMap((invoice) =>
    invoice.lines.data.filter(({ quantity }) => (quantity ?? 0) > 1).map(({ amount }) => amount),
  );
  expect(billed.filter((amount) => amount > 0)).toEqual([
    overageAmountMinor(130_000, price),
    overageAmountMinor(110_000, price),
  ]);
  // Stripe's item has counted anew: what that gave away is on the next invoice.
  await adjust(world);
  const found = await world.rows(
    sql`select from_quantity as "from", to_quantity as "to", amount_minor as amount, reason, state from usage_adjustments`,
  );
  expect(found).toEqual([{ from: 110_000, to: 110_000, amount: 5_000, reason: "allowance", state: "sent" }]);
  const { end: nextEnd } = await world.period();
  await world.travelTo(nextEnd);
  const lines = (await world.invoices()).at(-1)?.lines.data ?? [];
  expect(lines.map(({ amount, description }) => `${amount} ${description}`)).toContainEqual(
    expect.stringMatching(/^5000 Included events that were used before, /),
  );
  const all = overageAmountMinor(130_000, price) + overageAmountMinor(110_000, price) + 5_000;
  expect(all).toBe(overageAmountMinor(240_000, price));
});

/** Adjusts every closed period that is marked, as the worker does. */
async function adjust(world: PayingWorld): Promise<void> {
  const due = { markedBefore: world.clock.now(), wallNow: new Date(), limit: 10 };
  for (const period of await usageAdjustmentChecks.listDueChecks(world.db, due))
    await freezeAdjustments(world, period);
  for (const id of await usageAdjustments.claimAdjustments(world.db, { leaseMs: 1_000, limit: 10 }))
    await createSendAdjustment(world)(id, world.context);
}

async function limitsNow(world: PayingWorld) {
  await createPushLimits(world)({ accountId: "acme" });
  const field = await world.redis.hget(keys.limits(partitionOf("acme", 4)), "acme");
  const { segments } = JSON.parse(field ?? "null") as AccountLimits;
  const nowMs = world.clock.now().getTime();
  return segments.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs)?.metrics ?? {};
}

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
