import type { catalog } from "@driftlock/db";
import { overageLookupKey, planLookupKey } from "@driftlock/domain";
import { type Stripe, unitAmountDecimal } from "@driftlock/stripe";
import { ownMetadata } from "./catalog-step.ts";

export interface WantedProduct {
  id: string;
  name: string;
  metadata: Record<string, string>;
}

export interface WantedPrice {
  plan: catalog.PlanRow;
  /** The metric that it bills; null for the licence. */
  metric: string | null;
  /** What it is made with; `recurring.meter` is added when the meter is known. */
  params: Stripe.PriceCreateParams & {
    product: string;
    lookup_key: string;
    metadata: Record<string, string>;
  };
}

/** What stands for our catalogue in Stripe. Every name in it is derived, so that it is found again. */
export interface WantedCatalog {
  products: WantedProduct[];
  prices: WantedPrice[];
  /** Metrics that some version bills. */
  metrics: catalog.MetricRow[];
}

/**
 * For each plan that costs a product and for each of its versions a licensed price; for each metric that it bills a
 * product (its name is the invoice line's) and a metered price. Versions that are no longer sold stay: somebody has them.
 */
export function wantedCatalog(
  plans: readonly catalog.PlanRow[],
  metrics: readonly catalog.MetricRow[],
): WantedCatalog {
  const paid = plans.filter((plan) => plan.priceAmountMinor > 0);
  const names = new Map(metrics.map(({ metric, name }) => [metric, name]));
  const billed = paid.flatMap((plan) =>
    plan.limits.filter((limit) => limit.overagePolicy === "bill").map((limit) => ({ plan, limit })),
  );
  const newestFirst = paid.toReversed();
  const nameOf = (planId: string) => newestFirst.find((plan) => plan.planId === planId)?.name ?? planId;
  const products: WantedProduct[] = [
    ...paid.map(({ planId }) => ({
      id: `driftlock_${planId}`,
      name: `DriftLock ${nameOf(planId)}`,
      metadata: { ...ownMetadata, plan_id: planId },
    })),
    ...billed.map(({ plan: { planId }, limit: { metric } }) => ({
      id: overageProductId(planId, metric),
      name: `${names.get(metric) ?? metric}, DriftLock ${nameOf(planId)}`,
      metadata: { ...ownMetadata, plan_id: planId, metric },
    })),
  ];
  return {
    products: [...new Map(products.map((product) => [product.id, product])).values()],
    prices: [
      ...paid.map((plan) => ({ plan, metric: null, params: licensedPrice(plan) })),
      ...billed.map(({ plan, limit }) => ({ plan, metric: limit.metric, params: overagePrice(plan, limit) })),
    ],
    metrics: metrics.filter(({ metric }) => billed.some(({ limit }) => limit.metric === metric)),
  };
}

const overageProductId = (planId: string, metric: string): string => `driftlock_${planId}_${metric}`;
const versionMetadata = ({ planId, version }: catalog.PlanRow) => ({
  ...ownMetadata,
  plan_id: planId,
  plan_version: String(version),
});

const licensedPrice = (plan: catalog.PlanRow): WantedPrice["params"] => ({
  product: `driftlock_${plan.planId}`,
  currency: plan.currency,
  unit_amount: plan.priceAmountMinor,
  recurring: { interval: plan.interval, usage_type: "licensed" },
  lookup_key: planLookupKey(plan),
  nickname: `${plan.name}, version ${plan.version}`,
  metadata: versionMetadata(plan),
});

/** The whole usage is reported: the first tier holds what is included, so that Stripe's figure is the customer's own. */
function overagePrice(plan: catalog.PlanRow, limit: catalog.PlanLimitRow): WantedPrice["params"] {
  const { metric, includedQuantity, overageAmountMinor, overagePerUnits } = limit;
  if (includedQuantity === null || overageAmountMinor === null || overagePerUnits === null)
    throw new Error(`the plan ${plan.planId} bills ${metric} without a price`);
  const beyond = {
    up_to: "inf" as const,
    unit_amount_decimal: unitAmountDecimal({ amountMinor: overageAmountMinor, perUnits: overagePerUnits }),
  };
  return {
    product: overageProductId(plan.planId, metric),
    currency: plan.currency,
    billing_scheme: "tiered",
    tiers_mode: "graduated",
    tiers: includedQuantity === 0 ? [beyond] : [{ up_to: includedQuantity, unit_amount: 0 }, beyond],
    recurring: { interval: plan.interval, usage_type: "metered" },
    lookup_key: overageLookupKey({ ...plan, metric }),
    nickname: `${plan.name}, version ${plan.version}, ${metric}`,
    metadata: { ...versionMetadata(plan), metric },
  };
}
