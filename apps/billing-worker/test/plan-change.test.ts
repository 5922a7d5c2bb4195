import { previewParams, upgradeParams } from "@driftlock/domain";
import { expect, test } from "vitest";
import { storeEvents } from "./helpers.ts";
import {
  dayMs,
  finishDying,
  invoicesOf,
  openAnother,
  openTenDays,
  paid,
  present,
  reported,
  told,
} from "./upgrade-world.ts";

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
