import type { ErrorCode, PlanId } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { DrainMark } from "./period-closes.ts";

/** `migrate`: to another version of its plan, at the period's end or `now`; an operator's wish. */
export type ChangeWish = "change" | "cancel" | "cancel-now" | "resume" | "migrate" | "migrate-now";
export type ChangeKind =
  | "upgrade"
  | "downgrade"
  | "cancel-at-end"
  | "take-back"
  | "resume"
  | "cancel-now"
  | "migrate";
export type ChangeState =
  | "requested"
  | "draining"
  | "reporting"
  | "verifying"
  | "changing"
  | "undoing"
  | "ending"
  | "closing"
  | "settling"
  | "syncing"
  | "finished";

/** Why nothing was changed, as the caller is told it. */
export interface ChangeRefusal {
  code: ErrorCode;
  detail: string;
  declineCode?: string;
}

export interface PlanChangeRow {
  changeId: string;
  accountId: string;
  stripeSubscriptionId: string;
  wish: ChangeWish;
  /** The plan that was asked for; null for every other wish than a change or a migration. */
  wantedPlanId: PlanId | null;
  /** The version that a migration asks for; null for every other wish: what is sold then. */
  wantedPlanVersion: number | null;
  /** Null until it was decided, and so are the plans. */
  kind: ChangeKind | null;
  state: ChangeState;
  fromPlanId: PlanId | null;
  fromPlanVersion: number | null;
  toPlanId: PlanId | null;
  toPlanVersion: number | null;
  droppedPlanId: PlanId | null;
  droppedPlanVersion: number | null;
  effectiveAt: Date | null;
  isCut: boolean;
  drainPositions: DrainMark | null;
  tries: number;
  nextTryAt: Date;
  giveUpAt: Date;
  sentAt: Date | null;
  refusal: ChangeRefusal | null;
  requestedAt: Date;
  finishedAt: Date | null;
}

const columns = `change_id as "changeId", account_id as "accountId", stripe_subscription_id as "stripeSubscriptionId", wish,
  wanted_plan_id as "wantedPlanId", wanted_plan_version as "wantedPlanVersion", kind, state, from_plan_id as "fromPlanId", from_plan_version as "fromPlanVersion",
  to_plan_id as "toPlanId", to_plan_version as "toPlanVersion", dropped_plan_id as "droppedPlanId",
  dropped_plan_version as "droppedPlanVersion", effective_at as "effectiveAt", is_cut as "isCut",
  drain_positions as "drainPositions", tries, next_try_at as "nextTryAt", give_up_at as "giveUpAt", sent_at as "sentAt",
  refusal, requested_at as "requestedAt", finished_at as "finishedAt"`;

export interface AskedChange {
  accountId: string;
  wish: ChangeWish;
  wantedPlanId: PlanId | null;
}

/** Writes what was asked for. @returns false, and writes nothing, while another change of the account is open. */
export const insertChange = async (
  q: Queryable,
  change: AskedChange & {
    changeId: string;
    stripeSubscriptionId: string;
    wantedPlanVersion?: number;
    now: Date;
    giveUpAt: Date;
  },
): Promise<boolean> =>
  (await q.run(
    "planChanges.insert",
    sql`insert into plan_changes (change_id, account_id, stripe_subscription_id, wish, wanted_plan_id, wanted_plan_version,
      give_up_at, requested_at)
    values (${change.changeId}::text, ${change.accountId}::text, ${change.stripeSubscriptionId}::text, ${change.wish}::text,
      ${change.wantedPlanId}::text, ${change.wantedPlanVersion ?? null}::int, ${change.giveUpAt}::timestamptz, ${change.now}::timestamptz)
    on conflict (account_id) where finished_at is null do nothing`,
  )) === 1;

export const findChange = (q: Queryable, changeId: string): Promise<PlanChangeRow | null> =>
  q.row("planChanges.find", {
    text: `select ${columns} from plan_changes where change_id = $1::text`,
    values: [changeId],
  });

export const findOpenChange = (q: Queryable, accountId: string): Promise<PlanChangeRow | null> =>
  q.row("planChanges.findOpen", {
    text: `select ${columns} from plan_changes where account_id = $1::text and finished_at is null`,
    values: [accountId],
  });

/** The account's latest change, where it is this one, has ended since `since`, and nobody was told how. */
export const findUntoldChange = (
  q: Queryable,
  { accountId, wish, wantedPlanId, since }: AskedChange & { since: Date },
): Promise<PlanChangeRow | null> =>
  q.row("planChanges.findUntold", {
    text: `select * from (select ${columns}, told_at from plan_changes where stripe_subscription_id in
          (select stripe_subscription_id from user_subscriptions where account_id = $1::text)
        order by requested_at desc, change_id desc limit 1) latest
      where wish = $2::text and "wantedPlanId" is not distinct from $3::text and "finishedAt" >= $4::timestamptz
        and told_at is null`,
    values: [accountId, wish, wantedPlanId, since],
  });

/** Somebody who asked was told how it ended. */
export const updateChangeTold = (q: Queryable, changeId: string, now: Date): Promise<number> =>
  q.run(
    "planChanges.updateTold",
    sql`update plan_changes set told_at = coalesce(told_at, ${now}::timestamptz) where change_id = ${changeId}::text`,
  );

/** The subscription's latest change that was made, or null. */
export const findLastMadeChange = (
  q: Queryable,
  stripeSubscriptionId: string,
): Promise<PlanChangeRow | null> =>
  q.row("planChanges.findLastMade", {
    text: `select ${columns} from plan_changes where stripe_subscription_id = $1::text and finished_at is not null
      and refusal is null order by requested_at desc, change_id desc limit 1`,
    values: [stripeSubscriptionId],
  });

/** Open changes that do not wait for a next try. */
export const listDueChanges = async (
  q: Queryable,
  { wallNow, limit }: { wallNow: Date; limit: number },
): Promise<string[]> => {
  const rows = await q.rows<{ changeId: string }>(
    "planChanges.listDue",
    sql`select change_id as "changeId" from plan_changes where finished_at is null
      and next_try_at <= ${wallNow}::timestamptz order by requested_at limit ${limit}::int`,
  );
  return rows.map((row) => row.changeId);
};

/** Whether the account's periods are cut for a change that is not made yet, before `before`. */
export const hasOpenCut = async (
  q: Queryable,
  { accountId, before }: { accountId: string; before: Date },
): Promise<boolean> =>
  (await q.row(
    "planChanges.hasOpenCut",
    sql`select 1 from plan_changes where account_id = ${accountId}::text and finished_at is null and is_cut
      and effective_at < ${before}::timestamptz`,
  )) !== null;

type ChangeRef = Pick<PlanChangeRow, "changeId" | "state">;

export interface DecidedChange {
  kind: ChangeKind;
  state: ChangeState;
  from: { planId: PlanId; version: number };
  to: { planId: PlanId; version: number } | null;
  dropped: { planId: PlanId; version: number } | null;
  effectiveAt: Date;
  isCut: boolean;
}

/** Writes what a wish comes to; 0 rows where somebody else has moved the change meanwhile. */
export const updateChangeDecided = (
  q: Queryable,
  { changeId, state }: ChangeRef,
  to: DecidedChange,
): Promise<number> =>
  q.run(
    "planChanges.updateDecided",
    sql`update plan_changes set kind = ${to.kind}::text, state = ${to.state}::text, from_plan_id = ${to.from.planId}::text,
      from_plan_version = ${to.from.version}::int, to_plan_id = ${to.to?.planId ?? null}::text,
      to_plan_version = ${to.to?.version ?? null}::int, dropped_plan_id = ${to.dropped?.planId ?? null}::text,
      dropped_plan_version = ${to.dropped?.version ?? null}::int, effective_at = ${to.effectiveAt}::timestamptz,
      is_cut = ${to.isCut}::boolean, drain_positions = null, tries = 0, next_try_at = '-infinity'
    where change_id = ${changeId}::text and state = ${state}::text`,
  );

/** Moves a change on; 0 rows where somebody else has meanwhile. */
export const updateChangeState = (
  q: Queryable,
  { changeId, state }: ChangeRef,
  to: { state: Exclude<ChangeState, "finished">; refusal?: ChangeRefusal; tries?: number },
): Promise<number> =>
  q.run(
    "planChanges.updateState",
    sql`update plan_changes set state = ${to.state}::text, tries = ${to.tries ?? 0}::int, next_try_at = '-infinity',
      refusal = coalesce(${to.refusal === undefined ? null : JSON.stringify(to.refusal)}::jsonb, refusal)
    where change_id = ${changeId}::text and state = ${state}::text`,
  );

/** The periods no longer follow the change. */
export const updateChangeUncut = (q: Queryable, { changeId, state }: ChangeRef): Promise<number> =>
  q.run(
    "planChanges.updateUncut",
    sql`update plan_changes set is_cut = false, sent_at = null where change_id = ${changeId}::text and state = ${state}::text`,
  );

/** When it takes effect. */
export const updateChangeEffective = (
  q: Queryable,
  { changeId, state }: ChangeRef,
  effectiveAt: Date,
): Promise<number> =>
  q.run(
    "planChanges.updateEffective",
    sql`update plan_changes set effective_at = ${effectiveAt}::timestamptz
    where change_id = ${changeId}::text and state = ${state}::text`,
  );

/** Notes up to where the stream has to be committed. */
export const updateChangeDrain = (
  q: Queryable,
  { changeId }: Pick<PlanChangeRow, "changeId">,
  mark: DrainMark,
): Promise<number> =>
  q.run(
    "planChanges.updateDrain",
    sql`update plan_changes set drain_positions = ${JSON.stringify(mark)}::jsonb where change_id = ${changeId}::text`,
  );

/** Puts the next try off until `nextTryAt` (wall time). */
export const updateChangeRetry = (
  q: Queryable,
  { changeId, state }: ChangeRef,
  retry: { nextTryAt: Date; tries: number },
): Promise<number> =>
  q.run(
    "planChanges.updateRetry",
    sql`update plan_changes set next_try_at = ${retry.nextTryAt}::timestamptz, tries = ${retry.tries}::int
    where change_id = ${changeId}::text and state = ${state}::text`,
  );

/** From here on Stripe may have it (wall time). */
export const updateChangeSent = (
  q: Queryable,
  { changeId, state }: ChangeRef,
  sentAt: Date,
): Promise<number> =>
  q.run(
    "planChanges.updateSent",
    sql`update plan_changes set sent_at = coalesce(sent_at, ${sentAt}::timestamptz)
    where change_id = ${changeId}::text and state = ${state}::text`,
  );

/** Ends a change, made or refused; 0 rows where somebody else has moved it meanwhile. */
export const updateChangeFinished = (
  q: Queryable,
  { changeId, state }: ChangeRef,
  { refusal, now }: { refusal: ChangeRefusal | null; now: Date },
): Promise<number> =>
  q.run(
    "planChanges.updateFinished",
    sql`update plan_changes set state = 'finished', is_cut = false, finished_at = ${now}::timestamptz,
      refusal = ${refusal === null ? null : JSON.stringify(refusal)}::jsonb
    where change_id = ${changeId}::text and state = ${state}::text`,
  );

/** Whether anything of a period was reported with an instant from `at` on. */
export const hasReportsFrom = async (
  q: Queryable,
  { accountId, periodStart, at }: { accountId: string; periodStart: Date; at: Date },
): Promise<boolean> =>
  (await q.row(
    "planChanges.hasReportsFrom",
    sql`select 1 from usage_reports where account_id = ${accountId}::text and period_start = ${periodStart}::timestamptz
      and event_at >= ${at}::timestamptz limit 1`,
  )) !== null;
