import type { Period, PlanId, SubscriptionStatus } from "@driftlock/contracts";
import { cycleAt, cycleIndexAt } from "./cycle.ts";
import { isGranting } from "./plan-selection.ts";

/** One row of usage_periods. */
export interface TiledPeriod extends Period {
  readonly planId: PlanId;
  readonly planVersion: number;
  readonly stripeSubscriptionId: string | null;
  /** Of the subscription's period that it lies in: parts of it that are on one plan share what that includes. Null on Free. */
  readonly billingStart: Date | null;
  readonly closedAt: Date | null;
}

/** What the tiling needs of a subscription; `period` is Stripe's present item period, copied. */
export interface TilingSubscription {
  readonly stripeSubscriptionId: string;
  readonly planId: PlanId;
  readonly planVersion: number;
  readonly rank: number;
  readonly status: SubscriptionStatus;
  readonly period: Period;
  readonly startedAt: Date;
  /** When the present plan came into force, where somebody told; null otherwise. */
  readonly planChangedAt: Date | null;
  /** When it ends: `ended_at`, `cancel_at`, or its period's end where it is set to end there; null goes on. */
  readonly endsAt: Date | null;
  /** The plan from its period's end on, where a change is scheduled. */
  readonly pending: { readonly planId: PlanId; readonly planVersion: number } | null;
  /** An upgrade that is being made: our periods follow it before Stripe does. Null where none is. */
  readonly change: {
    readonly at: Date;
    readonly planId: PlanId;
    readonly planVersion: number;
    readonly rank: number;
  } | null;
}

export interface FreePlanVersion {
  readonly version: number;
  readonly from: Date | null;
}

export interface TilingInput {
  /** The account's rows, oldest first, without gap: at least all from the last closed one on. */
  readonly rows: readonly TiledPeriod[];
  readonly freeAnchorAt: Date;
  /** Versions of Free in the order in which they come into force for the account; the first has no `from`. */
  readonly freePlanVersions: readonly FreePlanVersion[];
  readonly subscriptions: readonly TilingSubscription[];
  readonly now: Date;
}

/**
 * The rows that the account should have: without gap or overlap, from its first instant to the end of the period after
 * the one that holds `now`. A closed row, and what lies before one, never changes; of the open past only what a
 * subscription contradicts. A plan that comes or goes at T cuts the row that holds T; Free goes on in its own cycles.
 */
export function tilePeriods(input: TilingInput): TiledPeriod[] {
  const { rows, now } = input;
  const lastClosed = rows.findLastIndex((row) => row.closedAt !== null);
  const tiles = rows.slice(0, lastClosed + 1);
  const facts = factsOf(input);
  let start = tiles.at(-1)?.end ?? firstInstant(input);
  for (let horizon: Date | null = null; horizon === null || start < horizon; ) {
    const holder = holderAt(facts, start);
    const end = endOfTile(facts, holder, start);
    const { planId, planVersion, stripeSubscriptionId, billingStart } = holder;
    tiles.push({ start, end, planId, planVersion, stripeSubscriptionId, billingStart, closedAt: null });
    // Only the present tile sets it: one calendar month on, which the next natural period always covers.
    if (horizon === null && end > now) horizon = cycleAt(end, 0).end;
    start = end;
  }
  return tiles;
}

/** Stripe counts in seconds: an account that was opened in the very second of its subscription begins with it. */
function firstInstant({ rows, freeAnchorAt, subscriptions }: TilingInput): Date {
  const first = rows[0]?.start ?? freeAnchorAt;
  const second = Math.floor(first.getTime() / 1000) * 1000;
  const isBegun = subscriptions.some(
    (each) => isGranting(each.status) && each.period.start.getTime() === second,
  );
  return isBegun ? new Date(second) : first;
}

interface Facts extends TilingInput {
  readonly openRows: readonly TiledPeriod[];
  /** This second, in which what nobody told becomes true; before it rows stand, from it on subscriptions decide. */
  readonly present: Date;
  readonly presentRow: TiledPeriod | undefined;
  /** Instants at which the holder may change. */
  readonly instants: readonly Date[];
}

interface Holder {
  readonly planId: PlanId;
  readonly planVersion: number;
  readonly stripeSubscriptionId: string | null;
  readonly billingStart: Date | null;
  /** The natural end of the period that holds the instant asked for. */
  readonly periodEnd: Date;
}

function factsOf(input: TilingInput): Facts {
  const openRows = input.rows.filter((row) => row.closedAt === null);
  const presentRow = openRows.find((row) => holds(row, input.now));
  const second = new Date(Math.floor(input.now.getTime() / 1000) * 1000);
  const present = later(second, presentRow?.start ?? second);
  const subscriptions = input.subscriptions.map((each) =>
    isGranting(each.status) ? each : { ...each, endsAt: earlier(each.endsAt ?? present, present) },
  );
  const instants = [
    present,
    ...openRows.flatMap((row) => [row.start, row.end]),
    ...input.freePlanVersions.map(({ from }) => from),
    ...subscriptions.flatMap((each) => [
      each.period.start,
      each.period.end,
      each.planChangedAt,
      each.change?.at ?? null,
      each.endsAt,
    ]),
  ].filter((instant) => instant !== null);
  return { ...input, subscriptions, openRows, present, presentRow, instants };
}

function holderAt(facts: Facts, at: Date): Holder {
  const isPast = at < facts.present;
  const row = isPast ? facts.openRows.find((each) => holds(each, at)) : facts.presentRow;
  const owner = facts.subscriptions.find((each) => each.stripeSubscriptionId === row?.stripeSubscriptionId);
  const stands = isPast && row !== undefined && !isOver(owner, at);
  const kept = stands && row.stripeSubscriptionId !== null ? keptHolder(facts, row, at) : null;
  const [best] = facts.subscriptions
    .filter((each) => isInForce(each, at) && (!stands || mayRewrite(facts, each, at)))
    .filter((each) => kept === null || rankAt(each, at) > (owner === undefined ? 0 : rankAt(owner, at)))
    .toSorted(
      (a, b) =>
        rankAt(b, at) - rankAt(a, at) || preference(b, owner) - preference(a, owner) || compareAge(a, b),
    );
  if (best !== undefined) return subscriptionHolder(best, at);
  return kept ?? freeHolder(facts, at);
}

/** The past is given to a subscription that is new to us, or from where it was told to have changed. */
const mayRewrite = ({ rows }: Facts, each: TilingSubscription, at: Date): boolean =>
  each.planChangedAt === null
    ? !rows.some((row) => row.stripeSubscriptionId === each.stripeSubscriptionId)
    : at >= each.planChangedAt;

const earlier = (a: Date, b: Date): Date => (a < b ? a : b);
const later = (a: Date, b: Date): Date => (a > b ? a : b);
const holds = (row: Period, at: Date): boolean => row.start <= at && at < row.end;
const isOver = (owner: TilingSubscription | undefined, at: Date): boolean =>
  owner !== undefined && owner.endsAt !== null && at >= owner.endsAt;
const isInForce = (each: TilingSubscription, at: Date): boolean =>
  isGranting(each.status) && !isOver(each, at) && at >= each.period.start;
const preference = (each: TilingSubscription, owner: TilingSubscription | undefined): number =>
  each === owner ? 1 : 0;
const compareAge = (a: TilingSubscription, b: TilingSubscription): number =>
  a.startedAt.getTime() - b.startedAt.getTime() || (a.stripeSubscriptionId < b.stripeSubscriptionId ? -1 : 1);

const planAt = (subscription: TilingSubscription, at: Date) => {
  const { change, pending, period } = subscription;
  if (change !== null && at >= change.at) return change;
  return at >= period.end ? (pending ?? subscription) : subscription;
};
const rankAt = (subscription: TilingSubscription, at: Date): number => {
  const { change, rank } = subscription;
  return change !== null && at >= change.at ? change.rank : rank;
};
const isSamePlan = (
  plan: { planId: PlanId; planVersion: number },
  row: { planId: PlanId; planVersion: number },
): boolean => plan.planId === row.planId && plan.planVersion === row.planVersion;

/** The past of a subscription is what its rows say, until a change of plan that was told to lie inside of them. */
function keptHolder({ now, subscriptions }: Facts, row: TiledPeriod, at: Date): Holder {
  const { planId, planVersion, stripeSubscriptionId, billingStart } = row;
  const owner = subscriptions.find((each) => each.stripeSubscriptionId === stripeSubscriptionId);
  if (owner === undefined)
    return { planId, planVersion, stripeSubscriptionId, billingStart, periodEnd: row.end };
  const isChanged = [owner.planChangedAt, owner.change?.at ?? null].some(
    (changedAt) => changedAt !== null && changedAt > row.start && at >= changedAt,
  );
  const isPresent = row.end > now && isSamePlan(planAt(owner, at), row);
  if (isInForce(owner, at) && (isChanged || isPresent)) return subscriptionHolder(owner, at);
  const ends = [row.end, owner.period.start, owner.period.end].filter((end) => end > at);
  return { planId, planVersion, stripeSubscriptionId, billingStart, periodEnd: ends.reduce(earlier) };
}

function subscriptionHolder(subscription: TilingSubscription, at: Date): Holder {
  const { stripeSubscriptionId, period } = subscription;
  const { planId, planVersion } = planAt(subscription, at);
  const { start: billingStart, end: periodEnd } = at < period.end ? period : provisional(period, at);
  return { planId, planVersion, stripeSubscriptionId, billingStart, periodEnd };
}

/** The later cycle that holds `at`. The anchor's day is the later one of a period's two days of the month. */
function provisional(period: Period, at: Date): Period {
  const anchor = period.start.getUTCDate() >= period.end.getUTCDate() ? period.start : period.end;
  return cycleAt(anchor, cycleIndexAt(anchor, at));
}

const freeHolder = ({ freeAnchorAt, freePlanVersions }: Facts, at: Date): Holder => ({
  planId: "free",
  planVersion: freePlanVersions.findLast(({ from }) => from === null || from <= at)?.version ?? 1,
  stripeSubscriptionId: null,
  billingStart: null,
  periodEnd: cycleAt(freeAnchorAt, cycleIndexAt(freeAnchorAt, at)).end,
});

/** A tile ends with its period, or where another plan takes over before that. */
function endOfTile(facts: Facts, holder: Holder, start: Date): Date {
  const changes = facts.instants
    .filter((instant) => instant > start && instant < holder.periodEnd)
    .toSorted((a, b) => a.getTime() - b.getTime());
  const isOther = (instant: Date) => {
    const next = holderAt(facts, instant);
    return next.stripeSubscriptionId !== holder.stripeSubscriptionId || !isSamePlan(next, holder);
  };
  return changes.find(isOther) ?? holder.periodEnd;
}
