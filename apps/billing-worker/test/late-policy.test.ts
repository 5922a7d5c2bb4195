import type { LatePolicy } from "@driftlock/contracts";
import { sql, usageAdjustmentChecks } from "@driftlock/db";
import { expect, test } from "vitest";
import { freezeAdjustments } from "../src/adjustments/freeze-adjustments.ts";
import { createClosePeriod } from "../src/closing/close-period.ts";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { storeEvents } from "./helpers.ts";
import { openPaying } from "./time-world.ts";

const minuteMs = 60_000;

/** Usage that comes after its draft was frozen and before it is verified: what the invoice says, and what is adjusted. */
async function closeWithLate(latePolicy: LatePolicy) {
  const world = await openPaying();
  const { db, stripe, clock } = world;
  const { start, end } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await db.run("test", sql`update metrics set late_policy = ${latePolicy}::text where metric = 'events'`);
  const use = (quantity: number) =>
    storeEvents(db, "acme", [{ at: new Date(end.getTime() - minuteMs - quantity), quantity }]);
  await use(150_000);
  await world.travelTo(end);
  const draft = (await world.invoices()).at(-1)!;
  await world.syncAll([world.subscription, "subscription"], [draft.id, "invoice"]);
  await world.travelTo(new Date(end.getTime() + 5 * minuteMs));
  const wall = { ms: Date.now() };
  const close = createClosePeriod({
    ...world,
    wallClock: { now: () => new Date((wall.ms += 5 * minuteMs)) },
    pushLimits: createPushLimits(world),
    latenessMs: 5 * minuteMs,
  });
  const key = { stripeSubscriptionId: world.subscription, periodStart: start };
  await close(key, world.context);
  await use(1_000);
  for (let times = 0; times < 3; times++) {
    await world.sendReports();
    await close(key, world.context);
  }
  await world.syncAll([draft.id, "invoice"]);
  const due = { markedBefore: clock.now(), wallNow: new Date(8.64e15), limit: 10 };
  for (const period of await usageAdjustmentChecks.listDueChecks(db, due))
    await freezeAdjustments(world, period);
  return {
    invoiced: (await stripe.invoices.retrieve(draft.id)).total - 2_900,
    mismatches: await world.rows(sql`select mismatch from period_closes where mismatch is not null`),
    adjusted: await world.rows(sql`select to_quantity, amount_minor, reason from usage_adjustments`),
  };
}

test("carried usage does not hold up its draft: what comes once it is frozen goes on the next invoice", async () => {
  expect(await closeWithLate("carry-as-adjustment")).toEqual({
    invoiced: 2_500,
    mismatches: [],
    adjusted: [{ to_quantity: 151_000, amount_minor: 50, reason: "late" }],
  });
});

test("where the policy says so the draft takes it, and waits for it", async () => {
  expect(await closeWithLate("bill-in-period-if-draft")).toEqual({
    invoiced: 2_550,
    mismatches: [],
    adjusted: [],
  });
});
