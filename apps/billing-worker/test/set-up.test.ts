import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalog, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { bindStripeAccount, expectStripeAccount } from "../src/catalog/bind-stripe-account.ts";
import { setUpPortal } from "../src/catalog/set-up-portal.ts";
import { setUpPrices } from "../src/catalog/set-up-prices.ts";
import { setUpWebhooks } from "../src/catalog/set-up-webhooks.ts";
import { openWorld } from "./world.ts";

test("the catalogue is in Stripe once, however often it is set up", async () => {
  const { db, stripe } = await openWorld();
  const before = await catalog.listPlans(db);
  await db.run("test", sql`update subscription_plans set stripe_price_id = null, stripe_product_id = null`);
  await db.run("test", sql`update plan_limits set stripe_price_id = null`);
  expect(await setUpPrices({ db, stripe })).toBe(3);
  expect(await catalog.listPlans(db)).toEqual(before);
  expect((await stripe.products.list()).data).toHaveLength(3);
  const { data: prices } = await stripe.prices.list({ expand: ["data.tiers"] });
  const lookupKeys = prices.map(({ lookup_key }) => lookup_key ?? "");
  expect(lookupKeys.toSorted((a, b) => a.localeCompare(b))).toEqual([
    "driftlock_business_v1",
    "driftlock_pro_v1",
    "driftlock_pro_v1_events",
  ]);
  const overage = prices.find(({ lookup_key }) => lookup_key === "driftlock_pro_v1_events");
  expect(
    overage?.tiers?.map(({ up_to, unit_amount_decimal }) => [up_to, unit_amount_decimal?.toString()]),
  ).toEqual([
    [100_000, "0"],
    [null, "0.05"],
  ]);
  const { data: meters } = await stripe.billing.meters.list();
  expect(meters.map(({ id, event_name }) => [id, event_name])).toEqual([
    [overage?.recurring?.meter, "driftlock_events"],
  ]);
  expect(await setUpPortal(stripe)).toBe(await setUpPortal(stripe));
});

test("a price that Stripe has otherwise is refused", async () => {
  const { db, stripe } = await openWorld();
  await db.run("test", sql`update subscription_plans set price_amount_minor = 3900 where plan_id = 'pro'`);
  await expect(setUpPrices({ db, stripe })).rejects.toThrow("gets a new version");
});

test("webhooks are set up once; lost or outdated ones are made anew, with their secrets", async () => {
  const { stripe } = await openWorld();
  const secretFile = join(await mkdtemp(join(tmpdir(), "driftlock-setup-")), "secrets");
  const given = { stripe, url: "http://127.0.0.1:1/webhooks/stripe", secretFile };
  const secrets = () => readFile(secretFile, "utf8");
  const endpoint = async () => {
    const { data } = await stripe.webhookEndpoints.list();
    expect(data).toHaveLength(1);
    return data[0]?.id ?? "";
  };
  expect(await setUpWebhooks(given)).toBe(true);
  const [first, id] = [await secrets(), await endpoint()];
  expect(first).toMatch(/^whsec_\S+\nwhsec_\S+\n$/);
  expect((await stat(secretFile)).mode & 0o777).toBe(0o600);
  expect(await setUpWebhooks(given)).toBe(false);
  expect([await secrets(), await endpoint()]).toEqual([first, id]);
  for (const notTheirs of ["", "whsec_a\nwhsec_b\n"]) {
    await writeFile(secretFile, notTheirs);
    expect(await setUpWebhooks(given)).toBe(true);
    expect(await secrets()).not.toBe(first);
  }
  await stripe.webhookEndpoints.update(await endpoint(), { enabled_events: ["invoice.paid"] });
  expect(await setUpWebhooks(given)).toBe(true);
  await endpoint();
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
});
