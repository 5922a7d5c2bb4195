import { catalog, sql } from "@driftlock/db";
import { presentSubscription } from "@driftlock/domain";
import { expect } from "vitest";
import { type Changer, changer } from "./change-world.ts";
import { toldPeriods } from "./helpers.ts";
import { dyingDb, keepReporting, openPaying, type PayingWorld } from "./time-world.ts";

export const dayMs = 86_400_000;

/** Ten days into the first month, heard of. */
export async function openTenDays(options: Parameters<typeof openPaying>[0] = {}) {
  const world = await openPaying(options);
  const { start, end } = await world.period();
  await world.addFault({ kind: "no-holding" });
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  await world.travelTo(new Date(start.getTime() + 10 * dayMs));
  keepReporting(world);
  return { world, start, end, changes: changer(world) };
}

/** Another account on Pro in the same world, heard of. */
export async function openAnother(
  { openAccount, createCustomer, subscribe, syncAll }: PayingWorld,
  accountId: string,
) {
  await openAccount(accountId);
  const customer = await createCustomer(accountId);
  const subscription = await subscribe(accountId, customer);
  await syncAll([customer, "customer"], [subscription, "subscription"]);
  return { accountId, customer, subscription };
}

export const invoicesOf = async ({ stripe }: PayingWorld, subscription: string) =>
  (await stripe.invoices.list({ subscription, limit: 100 })).data.reverse();

/** Dies at every call of every state, one after the other, and goes on each time as another process would. */
export async function finishDying(
  changes: Changer,
  changeId: string,
  db: PayingWorld["db"],
): Promise<number> {
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

export const present = async ({ db, stripe, ...world }: PayingWorld, subscription = world.subscription) => {
  const plans = await catalog.listPlans(db);
  const expanded = await stripe.subscriptions.retrieve(subscription, { expand: ["schedule"] });
  const found = presentSubscription(plans, expanded);
  if (found === null) throw new Error("the subscription has ended");
  return { plans, present: found, business: plans.find(({ planId }) => planId === "business") ?? found.plan };
};

export const paid = async (world: PayingWorld) =>
  (await world.invoices()).map(({ total, status }) => [total, status]);

export const told = async (world: PayingWorld, accountId = "acme") =>
  (await toldPeriods(world.db, accountId))
    .map((line) => line.slice(17))
    .filter((line) => !line.startsWith("free"));

export const reported = async ({ rows }: PayingWorld) =>
  rows<{ quantity: number; lastAt: Date }>(
    sql`select coalesce(sum(to_quantity - from_quantity), 0)::bigint as quantity, max(event_at) as "lastAt" from usage_reports`,
  );
