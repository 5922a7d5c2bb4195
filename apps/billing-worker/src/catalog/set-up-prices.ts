import { catalog, type Db } from "@driftlock/db";
import { overageLookupKey, planLookupKey } from "@driftlock/domain";
import { isResourceMissing, type Stripe, unitAmountDecimal } from "@driftlock/stripe";

/**
 * Makes what stands for our catalogue in Stripe, where it is missing: for each plan that costs a product and a licensed
 * price, for each metric that it bills a meter, a product (its name is the invoice line's) and a metered price. Names are
 * derived, so that a repeat, or one after a crash, finds what is there. @returns how many prices the catalogue has in Stripe.
 */
export async function setUpPrices({ db, stripe }: { db: Db; stripe: Stripe }): Promise<number> {
  const plans = (await catalog.listPlans(db)).filter((plan) => plan.priceAmountMinor > 0);
  const metricNames = new Map((await catalog.listMetrics(db)).map(({ metric, name }) => [metric, name]));
  let priceCount = 0;
  for (const plan of plans) {
    const stripeProductId = await setUpProduct(stripe, {
      id: `driftlock_${plan.planId}`,
      name: `DriftLock ${plan.name}`,
      metadata: { plan_id: plan.planId },
    });
    const stripePriceId = await setUpPrice(stripe, licensedPrice(plan, stripeProductId));
    await catalog.updatePlanStripeIds(db, {
      planId: plan.planId,
      version: plan.version,
      stripeProductId,
      stripePriceId,
    });
    priceCount += 1;
    for (const limit of plan.limits.filter(({ overagePolicy }) => overagePolicy === "bill")) {
      const meterId = await setUpMeter({ db, stripe }, limit.metric);
      const overageProductId = await setUpProduct(stripe, {
        id: `driftlock_${plan.planId}_${limit.metric}`,
        name: `${metricNames.get(limit.metric)}, DriftLock ${plan.name}`,
        metadata: { plan_id: plan.planId, metric: limit.metric },
      });
      const overageId = await setUpPrice(stripe, overagePrice({ plan, limit, overageProductId, meterId }));
      const { planId, version } = plan;
      await catalog.updateLimitStripePrice(db, {
        planId,
        version,
        metric: limit.metric,
        stripePriceId: overageId,
      });
      priceCount += 1;
    }
  }
  return priceCount;
}

/** One product for all versions of a plan; its id is ours to choose. */
async function setUpProduct(
  stripe: Stripe,
  product: Stripe.ProductCreateParams & { id: string },
): Promise<string> {
  try {
    return (await stripe.products.retrieve(product.id)).id;
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return (await stripe.products.create(product)).id;
  }
}

type PriceParams = Stripe.PriceCreateParams & { lookup_key: string };

function licensedPrice(plan: catalog.PlanRow, product: string): PriceParams {
  return {
    product,
    currency: plan.currency,
    unit_amount: plan.priceAmountMinor,
    recurring: { interval: plan.interval, usage_type: "licensed" },
    lookup_key: planLookupKey(plan),
    nickname: `${plan.name}, version ${plan.version}`,
  };
}

interface Overage {
  plan: catalog.PlanRow;
  limit: catalog.PlanLimitRow;
  overageProductId: string;
  meterId: string;
}

/** The whole usage is reported: the first tier holds what is included, so that Stripe's figure is the customer's own. */
function overagePrice({ plan, limit, overageProductId, meterId }: Overage): PriceParams {
  const { metric, includedQuantity, overageAmountMinor, overagePerUnits } = limit;
  if (includedQuantity === null || overageAmountMinor === null || overagePerUnits === null) {
    throw new Error(`the plan ${plan.planId} bills ${metric} without a price`);
  }
  const beyond = {
    up_to: "inf" as const,
    unit_amount_decimal: unitAmountDecimal({ amountMinor: overageAmountMinor, perUnits: overagePerUnits }),
  };
  return {
    product: overageProductId,
    currency: plan.currency,
    billing_scheme: "tiered",
    tiers_mode: "graduated",
    tiers: includedQuantity === 0 ? [beyond] : [{ up_to: includedQuantity, unit_amount: 0 }, beyond],
    recurring: { interval: plan.interval, usage_type: "metered", meter: meterId },
    lookup_key: overageLookupKey({ ...plan, metric }),
    nickname: `${plan.name}, version ${plan.version}, ${metric}`,
  };
}

/** A price is found by its lookup key. One that costs something else is a fault: prices of Stripe never change. */
async function setUpPrice(stripe: Stripe, params: PriceParams): Promise<string> {
  const { data } = await stripe.prices.list({
    lookup_keys: [params.lookup_key],
    expand: ["data.tiers"],
    limit: 1,
  });
  const found = data[0];
  if (found === undefined) {
    return (await stripe.prices.create(params, { idempotencyKey: `price.${params.lookup_key}` })).id;
  }
  const last = found.tiers?.at(-1)?.unit_amount_decimal ?? null;
  const wanted = params.tiers?.at(-1)?.unit_amount_decimal ?? null;
  const isSame =
    found.currency === params.currency &&
    (wanted === null ? found.unit_amount === params.unit_amount : last?.toString() === wanted.toString());
  if (!isSame) {
    throw new Error(
      `Stripe's price ${params.lookup_key} is not the catalogue's: a plan that changes its price gets a new version`,
    );
  }
  return found.id;
}

async function setUpMeter({ db, stripe }: { db: Db; stripe: Stripe }, metric: string): Promise<string> {
  const stripeMeterEventName = `driftlock_${metric}`;
  const meter =
    (await findMeter(stripe, stripeMeterEventName)) ?? (await createMeter(stripe, stripeMeterEventName));
  await catalog.updateMetricMeter(db, { metric, stripeMeterId: meter.id, stripeMeterEventName });
  return meter.id;
}

async function findMeter(stripe: Stripe, eventName: string): Promise<Stripe.Billing.Meter | null> {
  for await (const meter of stripe.billing.meters.list({ status: "active", limit: 100 })) {
    if (meter.event_name === eventName) return meter;
  }
  return null;
}

const createMeter = (stripe: Stripe, eventName: string): Promise<Stripe.Billing.Meter> =>
  stripe.billing.meters.create(
    {
      display_name: eventName,
      event_name: eventName,
      default_aggregation: { formula: "sum" },
      customer_mapping: { type: "by_id", event_payload_key: "stripe_customer_id" },
      value_settings: { event_payload_key: "value" },
    },
    { idempotencyKey: `meter.${eventName}` },
  );
