import { randomUUID } from "node:crypto";
import { planChanges, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { changer } from "./change-world.ts";
import { storeEvents, toldPeriods } from "./helpers.ts";
import { dyingDb, keepReporting, openPaying, openRunning } from "./time-world.ts";

const dayMs = 86_400_000;

test.each([
  ["a second before the renewal", -1_000],
  ["in the second of the renewal", 0],
  ["a second after the renewal", 1_000],
])(
  "cancelled now %s: on whichever side it falls, each period is billed once",
  {
    timeout: 90_000,
  },
  async (_, offsetMs) => {
    const world = await openRunning();
    const { start, end } = world;
    await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 110_000 }]);
    await world.travelTo(new Date(end.getTime() + offsetMs));
    const changeId = randomUUID();
    await planChanges.insertChange(world.db, {
      changeId,
      accountId: "acme",
      stripeSubscriptionId: world.subscription,
      wish: "cancel-now",
      wantedPlanId: null,
      now: world.clock.now(),
      giveUpAt: new Date(Date.now() + dayMs),
    });
    await expect
      .poll(async () => (await planChanges.findChange(world.db, changeId))?.state, { timeout: 30_000 })
      .toBe("finished");
    await world.travelTo(new Date(end.getTime() + 7_200_000));

    expect((await world.stripe.subscriptions.retrieve(world.subscription)).status).toBe("canceled");
    const invoices = await world.invoices();
    expect(new Set(invoices.map(({ status }) => status))).toEqual(new Set(["paid"]));
    const lines = invoices.flatMap((invoice) => invoice.lines.data);
    const licences = lines.filter(({ amount }) => amount === 2_900);
    expect(lines.reduce((sum, { amount }) => sum + amount, 0)).toBe(licences.length * 2_900 + 500);
    const isRenewed = licences.length === 2;
    if (offsetMs > 0) expect(isRenewed).toBe(true);
    const told = await toldPeriods(world.db, "acme");
    const plans = told.map((line) => line.slice(17)).filter((line) => !line.startsWith("free"));
    expect(plans).toEqual(["pro closed events=110000", ...(isRenewed ? ["pro closed"] : [])]);
    expect(told.at(-1)).toMatch(/free$/);
    expect(
      await world.rows(sql`select sum(to_quantity - from_quantity)::bigint as quantity from usage_reports`),
    ).toEqual([{ quantity: 110_000 }]);
  },
);

test("a subscription that was paused for more than its period is cancelled now, wherever that dies", async () => {
  const world = await openPaying();
  await world.addFault({ kind: "no-holding" });
  await world.stripe.subscriptions.pause(world.subscription, {
    type: "subscription",
    bill_for: { unused_time_from: { type: "none" }, outstanding_usage_through: { type: "none" } },
  });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await world.travelDays(40);
  const changes = changer(world);
  const changeId = await changes.ask({ subscription: world.subscription, wish: "cancel-now" });
  for (let calls = 1; (await changes.find(changeId)).state !== "finished"; calls += 1) {
    await changes
      .run(changeId, dyingDb(world.db, calls))
      .catch((error: Error) => expect(error.message).toBe("crashed"));
    expect(calls).toBeLessThan(60);
  }
  expect((await changes.find(changeId)).refusal).toBeNull();
  expect((await world.stripe.subscriptions.retrieve(world.subscription)).status).toBe("canceled");
  expect((await world.invoices()).map(({ total }) => total)).toEqual([2_900]);
});

test("one that is past due is cancelled now, and what it used is invoiced", { timeout: 60_000 }, async () => {
  const world = await openPaying();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  const { end } = await world.period();
  keepReporting(world);
  await world.setCard("pm_card_chargeCustomerFail");
  await world.travelTo(end);
  const draft = (await world.invoices()).at(-1);
  await world.stripe.invoices.finalizeInvoice(draft?.id ?? "", { auto_advance: true });
  await world.stripe.invoices.pay(draft?.id ?? "").catch(() => {});
  await world.syncAll([world.subscription, "subscription"], [draft?.id ?? "", "invoice"]);
  expect((await world.stripe.subscriptions.retrieve(world.subscription)).status).toBe("past_due");
  await world.travelTo(new Date(end.getTime() + 3 * dayMs));
  await storeEvents(world.db, "acme", [{ at: new Date(end.getTime() + dayMs), quantity: 104_000 }]);
  const changes = changer(world);
  const changeId = await changes.ask({ subscription: world.subscription, wish: "cancel-now" });
  await changes.until(changeId, "finished");
  expect((await world.stripe.subscriptions.retrieve(world.subscription)).status).toBe("canceled");
  expect((await world.invoices()).at(-1)).toMatchObject({
    total: 200,
    billing_reason: "subscription_update",
  });
});
