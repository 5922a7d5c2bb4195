import { catalog, mirrorDifferences, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { noteDifferences } from "../src/reconciliation/note-differences.ts";
import { catalogWalk, customersWalk, subscriptionsWalk } from "../src/reconciliation/stripe-walks.ts";
import { takeWalkStep } from "../src/reconciliation/walk-step.ts";
import { openWorld } from "./world.ts";

/** A world with an account that pays for Pro, and the walks over Stripe's objects. */
async function openWalking() {
  const world = await openWorld();
  const { db } = world;
  const told: object[] = [];
  const log = { warn() {}, error: (fields: object) => void told.push(fields) } as never;
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const subscription = await world.subscribe("acme", customer);
  /** Every walk from its beginning to its end; each object that then differs. */
  const walk = async () => {
    for (const walkOf of [subscriptionsWalk, customersWalk, catalogWalk]) {
      await db.run(
        "test",
        sql`insert into reconciliation_walks (walk) values (${walkOf(world).name}::text)
        on conflict (walk) do update set next_at = '-infinity'`,
      );
      await takeWalkStep(world, walkOf(world), (seen) => noteDifferences({ ...world, log }, seen));
    }
    return (await mirrorDifferences.listDifferences(db, 100)).map(
      ({ objectId, difference, looks }) => `${objectId}: ${difference} (${looks})`,
    );
  };
  return { ...world, walk, told, customer, subscription };
}

test("what was never heard of, or is otherwise than mirrored, is fetched again; what that does not mend is told once", async () => {
  const world = await openWalking();
  const { customer, subscription, db } = world;
  expect((await world.walk()).sort()).toEqual(
    [`${subscription}: not mirrored (1)`, `${customer}: the account is tied to no customer (1)`].sort(),
  );
  await world.sync(subscription);
  await world.sync(customer);
  expect(await world.walk()).toEqual([]);

  await db.run("test", sql`update user_subscriptions set status = 'past_due', plan_id = 'business'`);
  expect(await world.walk()).toEqual([
    `${subscription}: status "past_due" -> "active"; plan "business v1" -> "pro v1" (1)`,
  ]);
  // Marked, and not fetched yet: nothing to say.
  expect(await world.walk()).toEqual([expect.stringContaining("(1)")]);
  await world.sync(subscription);
  expect(await world.walk()).toEqual([]);
  expect(world.told).toEqual([]);

  await db.run("test", sql`update user_subscriptions set cancel_at_period_end = true`);
  await world.walk();
  await db.run("test", sql`update stripe_objects set synced_generation = generation`);
  expect(await world.walk()).toEqual([`${subscription}: cancel at period end true -> false (2)`]);
  expect(world.told).toMatchObject([{ page: true, objectId: subscription, accountId: "acme" }]);
  expect(await mirrorDifferences.countLasting(db)).toBe(1);
});

test("a price that is not the catalogue's is said; objects of others are left alone", async () => {
  const world = await openWalking();
  const { db, stripe } = world;
  const stranger = await stripe.customers.create({});
  await stripe.customers.create({ metadata: { account_id: "nobody" } });
  await stripe.subscriptions.create({
    customer: stranger.id,
    items: [
      { price: (await catalog.listPlans(db)).find(({ planId }) => planId === "pro")?.stripePriceId ?? "" },
    ],
    payment_behavior: "default_incomplete",
  });
  await world.walk();
  await world.sync(world.subscription);
  await world.sync(world.customer);
  expect(await world.walk()).toEqual([]);
  await db.run("test", sql`update subscription_plans set price_amount_minor = 2800 where plan_id = 'pro'`);
  expect(await world.walk()).toEqual([expect.stringMatching(/^conflict:.*driftlock_pro_v1.*\(1\)$/s)]);
  await db.run("test", sql`update subscription_plans set price_amount_minor = 2900 where plan_id = 'pro'`);
  expect(await world.walk()).toEqual([]);
});
