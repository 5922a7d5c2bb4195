import { type CloseKey, sql } from "@driftlock/db";
import { createClosePeriod } from "../src/closing/close-period.ts";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { storeEvents } from "./helpers.ts";
import { openPaying, type PayingWorld } from "./time-world.ts";

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** The close as the worker runs it; its wall clock is ours, so that no test waits for a backoff. */
export function closer(world: PayingWorld) {
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
export async function atRenewal({ quantity = 150_000 } = {}) {
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
