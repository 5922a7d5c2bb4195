import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalog, installation, sql } from "@driftlock/db";
import { Lifecycle } from "@driftlock/runtime";
import { createStripe } from "@driftlock/stripe";
import { expect, onTestFinished, test } from "vitest";
import { bindStripeAccount, expectStripeAccount } from "../src/catalog/bind-stripe-account.ts";
import { type CatalogFile, toCatalogFile } from "../src/catalog/catalog-file.ts";
import { type CatalogStep } from "../src/catalog/catalog-step.ts";
import { planPush, push } from "../src/catalog/plan-push.ts";
import { openDatabase } from "./helpers.ts";
import { openSimulator } from "./open-simulator.ts";
import { dyingDb } from "./time-world.ts";
import { openWorld, type World } from "./world.ts";

const told = (steps: readonly CatalogStep[]) =>
  steps
    .filter(({ action }) => action !== "unchanged")
    .map(({ action, kind, key }) => `${action} ${kind} ${key}`);

/** The file with another Pro: what the operator's editor makes of `catalog show`. */
async function dearerPro(
  world: World,
  change: Partial<CatalogFile["plans"][number]> = {},
): Promise<CatalogFile> {
  const { plans } = toCatalogFile(await catalog.listPlans(world.db));
  return {
    plans: plans.map((plan) =>
      plan.planId === "pro" ? { ...plan, version: 2, priceAmountMinor: 3_900, ...change } : plan,
    ),
  };
}

/** All that the catalogue is in Stripe, without what time and chance make of it. */
async function atStripe({ stripe, db }: Pick<World, "stripe" | "db">) {
  const { data: prices } = await stripe.prices.list({ limit: 100, expand: ["data.tiers"] });
  const { data: products } = await stripe.products.list({ limit: 100 });
  const { data: meters } = await stripe.billing.meters.list({ limit: 100 });
  const { data: portals } = await stripe.billingPortal.configurations.list();
  const plans = await catalog.listPlans(db);
  const keyOf = new Map(prices.map(({ id, lookup_key }) => [id, lookup_key]));
  return {
    prices: prices
      .map(({ lookup_key, active, unit_amount, nickname, tiers }) =>
        JSON.stringify([lookup_key, active, unit_amount, nickname, tiers?.length]),
      )
      .toSorted((a, b) => a.localeCompare(b)),
    products: products.map(({ id, name }) => `${id} ${name}`).toSorted((a, b) => a.localeCompare(b)),
    meters: meters.map(({ event_name, status }) => `${event_name} ${status}`),
    portalCount: portals.length,
    plans: plans.map((plan) => [
      plan.planId,
      plan.version,
      plan.isCurrent,
      keyOf.get(plan.stripePriceId ?? ""),
      plan.limits.map(({ stripePriceId }) => keyOf.get(stripePriceId ?? "")),
    ]),
  };
}

/** A seeded database beside a Stripe with nothing in it; its client repeats nothing by itself. */
async function openEmpty() {
  const life = new Lifecycle();
  onTestFinished(() => life.close());
  const simulator = await openSimulator(life);
  const clock = { now: () => new Date() };
  const database = life.own("database", await openDatabase(clock.now()), (open) =>
    open[Symbol.asyncDispose](),
  );
  return {
    clock,
    db: database.db,
    stripe: createStripe({
      secretKey: "sk_test_empty",
      apiUrl: simulator.url,
      maxNetworkRetries: 0,
      readsPerSecond: 1_000,
    }),
    addFault: (fault: object) =>
      fetch(`${simulator.url}/_sim/faults`, { method: "POST", body: JSON.stringify(fault) }),
  };
}

test("what is there is unchanged; what somebody changed is put right, and what Postgres forgot is found", async () => {
  const world = await openWorld();
  const { db, stripe } = world;
  expect(told(await planPush(world))).toEqual([]);
  const before = await atStripe(world);
  expect(before.prices).toHaveLength(3);
  const product = await stripe.products.create({ name: "DriftLock Pro" });
  const price = await stripe.prices.create({ product: "driftlock_pro", currency: "usd", unit_amount: 1 });
  await stripe.products.update("driftlock_pro", { name: "Rebranded" });
  await stripe.billing.meters.deactivate((await stripe.billing.meters.list()).data[0]?.id ?? "");
  await db.run("test", sql`update subscription_plans set stripe_price_id = null, stripe_product_id = null`);
  await db.run("test", sql`update plan_limits set stripe_price_id = null`);
  await db.run("test", sql`update installation set stripe_portal_configuration_id = null`);
  const steps = await planPush(world);
  expect(told(steps)).toEqual([
    "change meter driftlock_events",
    "change product driftlock_pro",
    "change price driftlock_pro_v1",
    "change price driftlock_business_v1",
    "change price driftlock_pro_v1_events",
    "change portal configuration",
  ]);
  expect(steps.find(({ kind }) => kind === "meter")?.detail).toEqual(['status "inactive" -> "active"']);
  await push(world);
  expect(told(await planPush(world))).toEqual([]);
  // Not ours, and so as they were.
  expect(await stripe.products.retrieve(product.id)).toMatchObject({ name: "DriftLock Pro", active: true });
  expect(await stripe.prices.retrieve(price.id)).toMatchObject({ active: true, lookup_key: null });
  await stripe.prices.update(price.id, { active: false });
  expect(await atStripe(world)).toMatchObject({ plans: before.plans, portalCount: before.portalCount });
});

test("a new version is sold; who has the old one keeps it, and its price goes when nobody does", async () => {
  const world = await openWorld();
  const { stripe, db } = world;
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const id = await world.subscribe("acme", customer);
  await world.mark(id, "subscription", customer);
  await world.sync(id);
  const file = await dearerPro(world);
  const steps = await planPush(world, { file });
  expect(told(steps)).toEqual([
    "create price driftlock_pro_v2",
    "create price driftlock_pro_v2_events",
    "create plan pro v2",
  ]);
  expect(steps.find(({ kind }) => kind === "plan")?.detail).toEqual(["sold from now on", "1 keep v1"]);
  await push(world, { file });
  expect(told(await planPush(world, { file }))).toEqual([]);
  const subscription = await stripe.subscriptions.retrieve(id);
  expect(new Set(subscription.items.data.map(({ price }) => price.lookup_key))).toEqual(
    new Set(["driftlock_pro_v1", "driftlock_pro_v1_events"]),
  );
  const [row] = await world.rows(sql`select plan_version as version, status from user_subscriptions`);
  expect(row).toEqual({ version: 1, status: "active" });

  await stripe.subscriptions.cancel(id);
  await world.mark(id, "subscription", customer);
  await world.sync(id);
  expect(told(await push(world))).toEqual([
    "archive price driftlock_pro_v1",
    "archive price driftlock_pro_v1_events",
  ]);
  const { data } = await stripe.prices.list({ lookup_keys: ["driftlock_pro_v1", "driftlock_pro_v2"] });
  expect(Object.fromEntries(data.map(({ lookup_key, active }) => [lookup_key, active]))).toEqual({
    driftlock_pro_v1: false,
    driftlock_pro_v2: true,
  });
  expect(
    (await catalog.listPlans(db)).filter(({ isCurrent }) => isCurrent).map(({ version }) => version),
  ).toEqual([1, 2, 1]);
});

test("interrupted anywhere and repeated, it ends the same", { timeout: 60_000 }, async () => {
  const undisturbed = await openWorld();
  const file = await dearerPro(undisturbed);
  await push(undisturbed, { file });
  // Nothing is there yet; each try gets to write once, and of some answers nobody hears what Stripe did.
  const world = await openEmpty();
  for (const pathPrefix of ["/v1/prices", "/v1/products", "/v1/billing/meters", "/v1/billing_portal"])
    await world.addFault({ kind: "server-error", afterEffect: true, method: "POST", pathPrefix });
  let tries = 0;
  for (let isDone = false; !isDone; tries += 1) {
    isDone = await push({ ...world, db: dyingDb(world.db, 5) }, { file }).then(
      () => true,
      () => false,
    );
    expect(tries).toBeLessThan(40);
  }
  expect(tries).toBeGreaterThan(6);
  expect(told(await planPush(world, { file }))).toEqual([]);
  expect(await atStripe(world)).toEqual(await atStripe(undisturbed));
});

test("what cannot be is told, all of it, and nothing is done", async () => {
  const world = await openWorld();
  const { stripe } = world;
  await expect(planPush(world, { file: await dearerPro(world, { version: 1 }) })).rejects.toThrow(
    "pro v1 was published and is otherwise in the file: a change is version 2",
  );
  await expect(
    planPush(world, {
      file: await dearerPro(world, { limits: { wishes: { included: null, policy: "unlimited" } } }),
    }),
  ).rejects.toThrow("limits wishes, which is no metric");
  const file = await dearerPro(world);
  await push(world, { file });
  await expect(planPush(world, { file: await dearerPro(world, { version: 1 }) })).rejects.toThrow(
    "pro v1 is no longer sold: v2 was published after it",
  );
  await stripe.prices.create({
    product: "driftlock_pro",
    currency: "usd",
    unit_amount: 4_900,
    recurring: { interval: "month" },
    lookup_key: "driftlock_pro_v3",
  });
  await expect(planPush(world, { file: await dearerPro(world, { version: 3 }) })).rejects.toThrow(
    /driftlock_pro_v3 .* is not the catalogue's: amount 4900 -> 3900\. Prices never change: give pro a new version, from 4 on/,
  );
});

test("webhooks are made once; drift is put right, lost secrets make them anew, those of another URL go", async () => {
  const world = await openWorld();
  const { stripe } = world;
  const secretFile = join(await mkdtemp(join(tmpdir(), "driftlock-push-")), "secrets");
  const url = "http://127.0.0.1:1/webhooks/stripe";
  const wish = { webhooks: { url, secretFile } };
  const secrets = () => readFile(secretFile, "utf8");
  const endpoint = async () => {
    const { data } = await stripe.webhookEndpoints.list();
    expect(data).toHaveLength(1);
    expect((await stripe.v2.core.eventDestinations.list()).data).toHaveLength(1);
    return data[0]?.id ?? "";
  };
  expect(told(await push(world, wish))).toEqual([`create webhooks ${url}`]);
  const [first, id] = [await secrets(), await endpoint()];
  expect(first).toMatch(/^whsec_\S+\nwhsec_\S+\n$/);
  expect((await stat(secretFile)).mode & 0o777).toBe(0o600);
  expect(told(await push(world, wish))).toEqual([]);

  await stripe.webhookEndpoints.update(id, { enabled_events: ["invoice.paid"], disabled: true });
  expect(told(await push(world, wish))).toEqual([`change webhooks ${url}`]);
  expect([await secrets(), await endpoint()]).toEqual([first, id]);
  expect((await stripe.webhookEndpoints.retrieve(id)).status).toBe("enabled");
  expect(told(await planPush(world, wish))).toEqual([]);

  for (const notTheirs of ["", "whsec_a\nwhsec_b\n"]) {
    await writeFile(secretFile, notTheirs);
    expect(told(await push(world, wish))).toEqual([`change webhooks ${url}`]);
    expect(await secrets()).not.toBe(first);
  }
  await endpoint();

  const moved = { webhooks: { ...wish.webhooks, url: "http://127.0.0.1:2/webhooks/stripe" } };
  const strange = await stripe.webhookEndpoints.create({ url: moved.webhooks.url, enabled_events: ["*"] });
  await expect(planPush(world, moved)).rejects.toThrow(`by ${strange.id}, which is not ours`);
  await stripe.webhookEndpoints.update(strange.id, { url: "http://127.0.0.1:3/theirs" });
  expect(told(await push(world, moved))).toEqual([
    `create webhooks ${moved.webhooks.url}`,
    `archive webhooks ${url}`,
    `archive webhooks ${url}`,
  ]);
  expect((await stripe.webhookEndpoints.list()).data.map((each) => each.url).toSorted()).toEqual([
    moved.webhooks.url,
    "http://127.0.0.1:3/theirs",
  ]);
});

test("a database belongs to one mode and one Stripe account", async () => {
  const { db, stripe } = await openWorld();
  const binding = { db, stripe, secretKey: "sk_test_world", mode: "simulator" as const };
  await expectStripeAccount(binding);
  await expect(expectStripeAccount({ ...binding, mode: "test" })).rejects.toThrow(
    'belongs to mode "simulator"',
  );
  await db.run("test", sql`update installation set stripe_account_id = 'acct_other'`);
  await expect(expectStripeAccount(binding)).rejects.toThrow("belongs to the Stripe account acct_other");
  await expect(bindStripeAccount(binding)).rejects.toThrow("belongs to the Stripe account acct_other");
  await db.run("test", sql`update installation set stripe_account_id = null`);
  await expect(expectStripeAccount(binding)).rejects.toThrow("not bound");
  expect((await installation.findInstallation(db))?.installationId).toMatch(/^[0-9a-f-]{36}$/);
});
