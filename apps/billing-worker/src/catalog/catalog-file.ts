import { overagePolicies, planIds } from "@driftlock/contracts";
import type { catalog } from "@driftlock/db";
import { z } from "zod";
import { CatalogConflict } from "./catalog-step.ts";

const count = z.number().int().min(0).max(999_999_999_999_999);
const name = z.string().min(1).max(200);

const Limit = z
  .strictObject({
    included: count.nullable(),
    policy: z.enum(overagePolicies),
    overage: z.strictObject({ amountMinor: count.min(1), perUnits: count.min(1) }).optional(),
  })
  .refine(({ included, policy }) => (policy === "unlimited") === (included === null), {
    message: "included is null for the policy unlimited, and for it alone",
  })
  .refine(({ overage, policy }) => (policy === "bill") === (overage !== undefined), {
    message: "overage is given for the policy bill, and for it alone",
  });

const Plan = z
  .strictObject({
    planId: z.enum(planIds),
    version: z.number().int().min(1).max(2_147_483_647),
    name,
    rank: z.number().int(),
    priceAmountMinor: count.max(99_999_999),
    currency: z.string().regex(/^[a-z]{3}$/),
    interval: z.enum(["month", "year"]),
    retentionDays: z.number().int().min(1),
    support: name,
    /** Two years are the most that Stripe takes. */
    trialDays: z.number().int().min(0).max(730).default(0),
    features: z.array(z.tuple([name, name])),
    limits: z.record(z.string(), Limit),
  })
  .refine((plan) => (plan.planId === "free") === (plan.priceAmountMinor === 0), {
    message: "free costs nothing, and every other plan something",
  })
  .refine((plan) => plan.priceAmountMinor > 0 || plan.trialDays === 0, {
    message: "what costs nothing has no trial",
  });

/** `catalog.json`: the plans as they are to be sold from now on. */
export const CatalogFile = z.strictObject({ plans: z.array(Plan) });
export type CatalogFile = z.infer<typeof CatalogFile>;
type FilePlan = CatalogFile["plans"][number];

/** @throws CatalogConflict with every fault, and where it is. */
export function readCatalogFile(text: string): CatalogFile {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new CatalogConflict([`the catalogue is no JSON: ${(error as Error).message}`]);
  }
  const parsed = CatalogFile.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new CatalogConflict(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
}

/** The plans that are sold today, in the form of the file: what one begins with. */
export const toCatalogFile = (plans: readonly catalog.PlanRow[]): CatalogFile => ({
  plans: plans.filter(({ isCurrent }) => isCurrent).map(toFilePlan),
});

const toFilePlan = (plan: catalog.PlanRow): FilePlan => ({
  planId: plan.planId,
  version: plan.version,
  name: plan.name,
  rank: plan.rank,
  priceAmountMinor: plan.priceAmountMinor,
  currency: plan.currency,
  interval: plan.interval,
  retentionDays: plan.retentionDays,
  support: plan.support,
  trialDays: plan.trialDays,
  features: plan.features.map(({ feature, name: shown }) => [feature, shown]),
  limits: Object.fromEntries(plan.limits.map((limit) => [limit.metric, toFileLimit(limit)])),
});

const toFileLimit = ({
  includedQuantity,
  overagePolicy,
  overageAmountMinor,
  overagePerUnits,
}: catalog.PlanLimitRow) => ({
  included: includedQuantity,
  policy: overagePolicy,
  ...(overageAmountMinor !== null &&
    overagePerUnits !== null && { overage: { amountMinor: overageAmountMinor, perUnits: overagePerUnits } }),
});

/**
 * The versions of the file that Postgres does not have.
 * @throws CatalogConflict where a version that was published says something else now: what was sold stays what it was.
 */
export function newVersions(
  file: CatalogFile,
  { plans, metrics }: { plans: readonly catalog.PlanRow[]; metrics: readonly catalog.MetricRow[] },
): FilePlan[] {
  const conflicts: string[] = [];
  const versions = file.plans.filter((wanted) => {
    const ofPlan = plans.filter(({ planId }) => planId === wanted.planId);
    const last = Math.max(0, ...ofPlan.map(({ version }) => version));
    const known = ofPlan.find(({ version }) => version === wanted.version);
    const unknown = Object.keys(wanted.limits).filter(
      (metric) => !metrics.some((each) => each.metric === metric),
    );
    for (const metric of unknown)
      conflicts.push(
        `${wanted.planId} v${wanted.version} limits ${metric}, which is no metric: define it first`,
      );
    if (known === undefined) {
      if (wanted.version > last) return true;
      conflicts.push(`${wanted.planId} v${wanted.version} comes after v${last}: the next is ${last + 1}`);
      return false;
    }
    if (wanted.version < last)
      conflicts.push(
        `${wanted.planId} v${wanted.version} is no longer sold: v${last} was published after it`,
      );
    else if (sorted(toFilePlan(known)) !== sorted(wanted))
      conflicts.push(
        `${wanted.planId} v${wanted.version} was published and is otherwise in the file: a change is version ${last + 1}`,
      );
    return false;
  });
  const twice = file.plans.filter(
    ({ planId }, index) => file.plans.findIndex((each) => each.planId === planId) !== index,
  );
  for (const { planId } of twice)
    conflicts.push(`${planId} is in the file twice: it holds what is sold from now on`);
  if (conflicts.length > 0) throw new CatalogConflict(conflicts);
  return versions;
}

const sorted = (plan: FilePlan): string =>
  JSON.stringify({ ...plan, limits: Object.entries(plan.limits).toSorted(([a], [b]) => (a < b ? -1 : 1)) });

/** A version as it will be in Postgres. */
export const toPlanRow = (plan: FilePlan): catalog.PlanRow => ({
  ...plan,
  isCurrent: true,
  stripeProductId: null,
  stripePriceId: null,
  features: plan.features.map(([feature, shown]) => ({ feature, name: shown })),
  limits: Object.entries(plan.limits).map(([metric, { included, policy, overage }]) => ({
    metric,
    includedQuantity: included,
    overagePolicy: policy,
    overageAmountMinor: overage?.amountMinor ?? null,
    overagePerUnits: overage?.perUnits ?? null,
    stripePriceId: null,
  })),
});
