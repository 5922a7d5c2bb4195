import { sql, usageReports } from "@driftlock/db";
import { itemChanges, overageAmountMinor } from "@driftlock/domain";
import { expect, test } from "vitest";
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
