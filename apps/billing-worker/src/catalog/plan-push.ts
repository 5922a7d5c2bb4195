import { catalog, type Db, installation } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { type CatalogFile, newVersions, toPlanRow } from "./catalog-file.ts";
import { applySteps, type CatalogStep } from "./catalog-step.ts";
import { type MeterIds, planMeters } from "./plan-meters.ts";
import { planPortal } from "./plan-portal.ts";
import { planPrices } from "./plan-prices.ts";
import { planProducts } from "./plan-products.ts";
import { planVersions } from "./plan-versions.ts";
import { planWebhooks } from "./plan-webhooks.ts";
import { wantedCatalog } from "./wanted-catalog.ts";

export interface PushDeps {
  db: Db;
  stripe: Stripe;
  clock: Clock;
}

export interface PushWish {
  /** What is to be sold from now on; absent, what Postgres says. */
  file?: CatalogFile | undefined;
  /** Where Stripe posts to; absent, endpoints are left alone. */
  webhooks?: { url: string; secretFile: string } | undefined;
}

/**
 * What it takes to bring Postgres and Stripe to the catalogue, in the order in which it is done; nothing is changed yet.
 * Every object is found by a name that follows from the catalogue, so that a push that was interrupted anywhere is
 * finished by the next one.
 * @throws CatalogConflict where what is there cannot become what is wanted, or is not ours.
 */
export const planPush = (deps: PushDeps, wish: PushWish = {}): Promise<CatalogStep[]> =>
  stripeCall(async () => {
    const { db, stripe } = deps;
    const plans = await catalog.listPlans(db);
    const metrics = await catalog.listMetrics(db);
    const held = await catalog.listHeldVersions(db);
    const versions = wish.file === undefined ? [] : newVersions(wish.file, { plans, metrics });
    const isNew = (plan: VersionKey) => versions.some((each) => isSameVersion(each, plan));
    const sold = [
      ...plans.filter((plan) => plan.isCurrent && !versions.some(({ planId }) => planId === plan.planId)),
      ...versions,
    ];
    const isRetired = (plan: VersionKey) => ![...sold, ...held].some((each) => isSameVersion(each, plan));

    const wanted = wantedCatalog([...plans, ...versions.map(toPlanRow)], metrics);
    const meterIds: MeterIds = new Map();
    const meters = await planMeters(deps, wanted.metrics, meterIds);
    const products = await planProducts(stripe, wanted.products);
    const prices = await planPrices({ ...deps, meterIds, isRetired, isNew }, wanted.prices);
    const published = planVersions({ ...deps, priceIds: prices.priceIds, held }, versions);
    const [archived, made] = split(prices.steps, ({ action }) => action === "archive");
    return [
      ...meters,
      ...products,
      ...made,
      ...published,
      // Last of all: until a version is published the one before it is sold.
      ...archived,
      await planPortal(deps),
      ...(await webhookSteps(deps, wish)),
    ];
  });

/** Plans and does it. @returns what was done. */
export async function push(deps: PushDeps, wish: PushWish = {}): Promise<CatalogStep[]> {
  const steps = await planPush(deps, wish);
  await stripeCall(() => applySteps(steps));
  return steps;
}

interface VersionKey {
  planId: string;
  version: number;
}

const isSameVersion = (a: VersionKey, b: VersionKey): boolean =>
  a.planId === b.planId && a.version === b.version;

async function webhookSteps({ db, stripe }: PushDeps, { webhooks }: PushWish): Promise<CatalogStep[]> {
  if (webhooks === undefined) return [];
  const bound = await installation.findInstallation(db);
  if (bound === null) throw new Error("this database has no catalogue yet: run the seed first");
  return planWebhooks({ ...webhooks, stripe, installationId: bound.installationId });
}

const split = <T>(all: readonly T[], isFirst: (each: T) => boolean): [first: T[], rest: T[]] => [
  all.filter(isFirst),
  all.filter((each) => !isFirst(each)),
];
