import { createHash } from "node:crypto";
import { catalog, type Db } from "@driftlock/db";
import type { Stripe } from "@driftlock/stripe";
import { CatalogConflict, type CatalogStep, differences, pick } from "./catalog-step.ts";
import type { MeterIds } from "./plan-meters.ts";
import type { WantedPrice } from "./wanted-catalog.ts";

interface Deps {
  db: Db;
  stripe: Stripe;
  meterIds: MeterIds;
  /** Whether a version can no longer be sold, and nobody has it any more. */
  isRetired(plan: { planId: string; version: number }): boolean;
  /** Versions that Postgres does not have yet: their ids are written when they are published. */
  isNew(plan: { planId: string; version: number }): boolean;
}

export interface PlannedPrices {
  steps: CatalogStep[];
  /** By lookup key; those that are to be made have theirs once their step was applied. */
  priceIds: Map<string, string>;
}

const lookupKeysMax = 10;

/** A price for each version of a plan, found by its lookup key. What it costs never changes: that is a new version. */
export async function planPrices(deps: Deps, wanted: readonly WantedPrice[]): Promise<PlannedPrices> {
  const found = await readPrices(
    deps.stripe,
    wanted.map(({ params }) => params.lookup_key),
  );
  const priceIds = new Map<string, string>();
  const steps: CatalogStep[] = [];
  const conflicts: string[] = [];
  for (const each of wanted) {
    const price = found.get(each.params.lookup_key);
    if (price === undefined) {
      steps.push(creation(deps, each, priceIds));
      continue;
    }
    priceIds.set(each.params.lookup_key, price.id);
    const detail = fixedDifferences(price, each, deps.meterIds);
    if (detail.length > 0) conflicts.push(conflictOf(price, each, detail));
    else steps.push(adjustment(deps, each, price));
  }
  if (conflicts.length > 0) throw new CatalogConflict(conflicts);
  return { steps, priceIds };
}

async function readPrices(stripe: Stripe, keys: readonly string[]): Promise<Map<string, Stripe.Price>> {
  const found = new Map<string, Stripe.Price>();
  for (let at = 0; at < keys.length; at += lookupKeysMax) {
    const { data } = await stripe.prices.list({
      lookup_keys: keys.slice(at, at + lookupKeysMax),
      expand: ["data.tiers"],
      limit: 100,
    });
    for (const price of data) found.set(price.lookup_key ?? "", price);
  }
  return found;
}

function creation(
  deps: Deps,
  { plan, metric, params }: WantedPrice,
  priceIds: Map<string, string>,
): CatalogStep {
  return {
    action: "create",
    kind: "price",
    key: params.lookup_key,
    detail: [params.nickname ?? ""],
    apply: async () => {
      const meter = metric === null ? undefined : deps.meterIds.get(metric);
      const whole = {
        ...params,
        ...(meter !== undefined && params.recurring && { recurring: { ...params.recurring, meter } }),
      };
      // Stripe repeats a refusal under the same key: what is asked for otherwise has another.
      const digest = createHash("sha256").update(JSON.stringify(whole)).digest("hex").slice(0, 16);
      const idempotencyKey = `price.${params.lookup_key}.${digest}`;
      const { id } = await deps.stripe.prices.create(whole, { idempotencyKey });
      priceIds.set(params.lookup_key, id);
      await remember(deps, { plan, metric, params }, id);
    },
  };
}

function adjustment(deps: Deps, wanted: WantedPrice, price: Stripe.Price): CatalogStep {
  const { plan, metric, params } = wanted;
  const isRetired = deps.isRetired(plan);
  const limit = plan.limits.find((each) => each.metric === metric);
  const remembered = metric === null ? plan.stripePriceId : (limit?.stripePriceId ?? null);
  const atStripe = differences({
    name: [price.nickname, params.nickname],
    active: [price.active, !isRetired],
    metadata: [pick(price.metadata, params.metadata), params.metadata],
  });
  const inPostgres = deps.isNew(plan) ? [] : differences({ "in Postgres": [remembered, price.id] });
  const detail = [...atStripe, ...inPostgres];
  const isArchived = isRetired && price.active;
  return {
    action: detail.length === 0 ? "unchanged" : isArchived ? "archive" : "change",
    kind: "price",
    key: params.lookup_key,
    detail: isArchived ? [`version ${plan.version} is no longer sold, and nobody has it`] : detail,
    apply: async () => {
      const { nickname = "", metadata } = params;
      if (atStripe.length > 0)
        await deps.stripe.prices.update(price.id, { nickname, metadata, active: !isRetired });
      if (inPostgres.length > 0) await remember(deps, wanted, price.id);
    },
  };
}

async function remember(
  { db, isNew }: Deps,
  { plan, metric, params }: WantedPrice,
  stripePriceId: string,
): Promise<void> {
  if (isNew(plan)) return;
  const { planId, version } = plan;
  await (metric === null
    ? catalog.updatePlanStripeIds(db, { planId, version, stripeProductId: params.product, stripePriceId })
    : catalog.updateLimitStripePrice(db, { planId, version, metric, stripePriceId }));
}

/** What Stripe never changes of a price. */
function fixedDifferences(
  price: Stripe.Price,
  { metric, params }: WantedPrice,
  meterIds: MeterIds,
): string[] {
  const tiers = (params.tiers ?? []).map(({ up_to, unit_amount, unit_amount_decimal }) => [
    up_to === "inf" ? null : up_to,
    (unit_amount_decimal ?? unit_amount)?.toString(),
  ]);
  const product = typeof price.product === "string" ? price.product : price.product.id;
  const { recurring } = price;
  return differences({
    product: [product, params.product],
    currency: [price.currency, params.currency],
    amount: [price.unit_amount, params.unit_amount ?? null],
    tiers: [
      (price.tiers ?? []).map(({ up_to, unit_amount_decimal }) => [up_to, unit_amount_decimal?.toString()]),
      tiers,
    ],
    interval: [recurring?.interval, params.recurring?.interval],
    "interval count": [recurring?.interval_count, 1],
    usage: [recurring?.usage_type, params.recurring?.usage_type],
    meter: [recurring?.meter ?? null, metric === null ? null : (meterIds.get(metric) ?? null)],
  });
}

const conflictOf = (price: Stripe.Price, { plan, params }: WantedPrice, detail: readonly string[]): string =>
  `Stripe's price ${params.lookup_key} (${price.id}) is not the catalogue's: ${detail.join(", ")}. Prices never change: ` +
  `give ${plan.planId} a new version, from ${plan.version + 1} on`;
