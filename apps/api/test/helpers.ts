import { randomBytes } from "node:crypto";
import { createTestDatabase, createTestRedis } from "@driftlock/devkit";
import { apiKeys, catalog, createDb, type Db, seedCatalog, subscriptions } from "@driftlock/db";
import type { KeyScope } from "@driftlock/contracts";
import { createLogger, createMetrics, Lifecycle, readEnv, systemClock } from "@driftlock/runtime";
import { createStripe, type Stripe } from "@driftlock/stripe";
import { startSimulator } from "@driftlock/stripe-simulator";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { displayPrefixOf, hashKey, makeKey, makeKeyId } from "../src/auth/api-key.ts";
import { compose } from "../src/compose.ts";
import { Env } from "../src/env.ts";

const issuer = "https://id.example.test";
const audience = "driftlock";

export interface Answer {
  status: number;
  headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test expects of a body is the test's to say
  body: any;
}

export type Gateway = Awaited<ReturnType<typeof openGateway>>;

/** A gateway on its own Postgres, Redis and Stripe simulator, spoken to over HTTP. */
export async function openGateway(overrides: Record<string, string> = {}) {
  const life = new Lifecycle();
  const log = createLogger({ name: "test", level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
  const database = life.own("database", await createTestDatabase(), ({ drop }) => drop());
  const redisServer = life.own("redis database", await createTestRedis(), ({ drop }) => drop());
  const signing = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(signing.publicKey)), kid: "test", alg: "ES256", use: "sig" };
  const simulator = life.own(
    "simulator",
    await startSimulator({
      port: 0,
      host: "127.0.0.1",
      statePath: null,
      log,
      wallNow: () => new Date(),
      jwks: { keys: [jwk] },
    }),
    (server) => server.close(),
  );
  const db = life.own(
    "test pool",
    createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 4 }),
    (pool) => pool.end(),
  );
  const { SEED_MODE, ...given } = overrides;
  const mode = given["DRIFTLOCK_MODE"] ?? "simulator";
  await seedCatalog(db, { mode: SEED_MODE ?? mode, usagePartitions: 4, now: new Date() });
  const secretKey = mode === "live" ? "sk_live_test" : "sk_test_gateway";
  const stripe = createStripe({ secretKey: "sk_test_gateway", apiUrl: simulator.url, maxNetworkRetries: 1 });
  await putCatalogInStripe(db, stripe);

  const { env, faults } = readEnv(Env, {
    DATABASE_URL: database.url,
    REDIS_URL: redisServer.url,
    DRIFTLOCK_MODE: mode,
    API_PORT: "0",
    PUBLIC_URL: "http://billing.example.test",
    STRIPE_SECRET_KEY: secretKey,
    STRIPE_API_URL: simulator.url,
    STRIPE_JS_URL: `${simulator.url}/_sim/stripe.js`,
    AUTH_JWKS_URL: `${simulator.url}/_sim/jwks.json`,
    AUTH_ISSUER: issuer,
    AUTH_AUDIENCE: audience,
    ...(mode === "live" && { STRIPE_API_URL: "" }),
    ...given,
  });
  if (faults) throw new Error(JSON.stringify(faults));
  const metrics = createMetrics("test");
  const composed = await compose(env, { life, log, clock: systemClock(), metrics });
  const url = String(await composed.start());

  const request = async (
    method: string,
    path: string,
    options: { bearer?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> => {
    const { bearer, body, headers } = options;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      redirect: "manual",
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.match(/[/+]json\b/) ?? false;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };

  const addKey = async (
    scopes: KeyScope[],
    accountId: string | null = null,
    keyMode: "test" | "live" = "test",
  ) => {
    const key = makeKey(keyMode);
    await apiKeys.insertApiKey(db, {
      keyId: makeKeyId(),
      keyHash: hashKey(key),
      displayPrefix: displayPrefixOf(key),
      name: "test",
      mode: keyMode,
      scopes,
      accountId,
      now: new Date(),
    });
    return key;
  };
  const operatorKey = await addKey(["operator"]);
  const serviceKey = await addKey(["service"]);

  const openAccount = async (): Promise<string> => {
    const id = `acct_${randomBytes(6).toString("hex")}`;
    const opened = await request("POST", "/operator/accounts", {
      bearer: operatorKey,
      body: { id, name: "Test", email: `${id}@example.test` },
    });
    if (opened.status !== 201) throw new Error(JSON.stringify(opened.body));
    return id;
  };

  const signToken = (
    claims: Record<string, unknown>,
    options: { expiresAt?: number; issuer?: string } = {},
  ) =>
    new SignJWT({ scope: "billing:read billing:write", ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "test" })
      .setSubject("user_1")
      .setIssuer(options.issuer ?? issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(options.expiresAt ?? Math.floor(Date.now() / 1000) + 600)
      .sign(signing.privateKey);

  const pay = async (sessionId: string, card = "4242424242424242"): Promise<number> => {
    const response = await fetch(`${simulator.url}/_sim/checkout/${sessionId}/pay`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer sk_test_gateway" },
      body: JSON.stringify({ card }),
    });
    await response.body?.cancel();
    return response.status;
  };

  /** Buys a plan, and mirrors the subscription as the worker would. */
  const subscribe = async (accountId: string, planId: string): Promise<string> => {
    const checkout = await request("POST", "/billing/checkout", {
      bearer: serviceKey,
      body: { accountId, planId },
    });
    if (checkout.status !== 200) throw new Error(JSON.stringify(checkout.body));
    if ((await pay(checkout.body.sessionId)) !== 200) throw new Error("not paid");
    const session = await stripe.checkout.sessions.retrieve(checkout.body.sessionId);
    await mirror(db, stripe, accountId, session.subscription as string);
    return session.subscription as string;
  };

  /** The present sum over a metric's labels. */
  const metric = async (name: string): Promise<number> => {
    const described = await metrics.registry.getSingleMetric(`driftlock_${name}`)?.get();
    return (described?.values ?? []).reduce((sum, { value }) => sum + value, 0);
  };

  return {
    url,
    life,
    metric,
    db,
    stripe,
    simulator,
    request,
    addKey,
    operatorKey,
    serviceKey,
    openAccount,
    signToken,
    pay,
    subscribe,
    mirror: (accountId: string, subscriptionId: string) => mirror(db, stripe, accountId, subscriptionId),
    redisUrl: given["REDIS_URL"] ?? redisServer.url,
    databaseUrl: database.url,
    close: () => life.close(),
  };
}

/** What the set-up makes at Stripe, as far as a checkout needs it. */
async function putCatalogInStripe(db: Db, stripe: Stripe): Promise<void> {
  const meter = await stripe.billing.meters.create({
    display_name: "Events",
    event_name: "driftlock_events",
    default_aggregation: { formula: "sum" },
  });
  for (const plan of await catalog.listPlans(db)) {
    if (plan.priceAmountMinor === 0) continue;
    const product = await stripe.products.create({ name: plan.name });
    const price = await stripe.prices.create({
      product: product.id,
      currency: plan.currency,
      unit_amount: plan.priceAmountMinor,
      recurring: { interval: plan.interval },
      lookup_key: `driftlock_${plan.planId}_v${plan.version}`,
    });
    const ids = { planId: plan.planId, version: plan.version };
    await catalog.updatePlanStripeIds(db, { ...ids, stripeProductId: product.id, stripePriceId: price.id });
    for (const { metric, overagePolicy } of plan.limits) {
      if (overagePolicy !== "bill") continue;
      const metered = await stripe.prices.create({
        product: product.id,
        currency: plan.currency,
        recurring: { interval: plan.interval, usage_type: "metered", meter: meter.id },
        billing_scheme: "tiered",
        tiers_mode: "graduated",
        tiers: [
          { up_to: 100_000, unit_amount: 0 },
          { up_to: "inf", unit_amount_decimal: "0.05" as never },
        ],
      });
      await catalog.updateLimitStripePrice(db, { ...ids, metric, stripePriceId: metered.id });
    }
  }
}

const at = (unixSeconds: number): Date => new Date(unixSeconds * 1000);

/** Writes a subscription into the mirror as Stripe tells it now: what the worker does after each hint. */
async function mirror(db: Db, stripe: Stripe, accountId: string, subscriptionId: string): Promise<void> {
  const subscription = await stripe.subscriptions.retrieve(subscriptionId);
  const plans = await catalog.listPlans(db);
  const items = subscription.items.data;
  const plan = plans.find((each) => items.some((item) => item.price.id === each.stripePriceId));
  const item = items[0];
  if (plan === undefined || item === undefined) throw new Error(`no plan for ${subscriptionId}`);
  await subscriptions.upsertSubscription(db, {
    stripeSubscriptionId: subscription.id,
    accountId,
    planId: plan.planId,
    planVersion: plan.version,
    status: subscription.status as never,
    periodStart: at(item.current_period_start),
    periodEnd: at(item.current_period_end),
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
    cancelAt: subscription.cancel_at === null ? null : at(subscription.cancel_at),
    endedAt: null,
    stripeScheduleId: null,
    pendingPlanId: null,
    pendingPlanVersion: null,
    defaultPaymentMethodId: null,
    latestInvoiceId: null,
    startedAt: at(subscription.start_date),
    planChangedAt: null,
    trialEndsAt: subscription.trial_end === null ? null : at(subscription.trial_end),
    fetchSequence: Number(process.hrtime.bigint() / 1_000_000n),
  });
}
