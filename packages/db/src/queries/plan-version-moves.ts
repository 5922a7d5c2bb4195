import type { PlanId } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { ChangeRefusal } from "./plan-changes.ts";

/** When a move takes effect: with the end of the account's period, or at once. */
export type MoveTiming = "period-end" | "now";

/** What an operator wants of one account: from one version of a plan to another. */
export interface PlanVersionMoveRow {
  accountId: string;
  planId: PlanId;
  fromVersion: number;
  toVersion: number;
  timing: MoveTiming;
  /** The change of its subscription that carries it out. */
  changeId: string | null;
  tries: number;
  /** Wall time. */
  nextTryAt: Date;
  /** Why the last try was in vain. */
  refusal: ChangeRefusal | null;
  /** From when the new version is in force, once that is known; of Free it decides. */
  effectiveAt: Date | null;
  /** Since when there is nothing to do; null where there may be. */
  settledAt: Date | null;
}

export type MoveKey = Pick<PlanVersionMoveRow, "accountId" | "planId" | "fromVersion">;

const columns = `account_id as "accountId", plan_id as "planId", from_version as "fromVersion", to_version as "toVersion",
  timing, change_id as "changeId", tries, next_try_at as "nextTryAt", refusal, effective_at as "effectiveAt",
  settled_at as "settledAt"`;

/** Writes what is wanted of these accounts; what was wanted before of the same version is forgotten. */
export const upsertMoves = (
  q: Queryable,
  of: {
    accountIds: readonly string[];
    planId: string;
    fromVersion: number;
    toVersion: number;
    timing: MoveTiming;
    now: Date;
  },
): Promise<number> =>
  q.run(
    "planVersionMoves.upsert",
    sql`insert into plan_version_moves (account_id, plan_id, from_version, to_version, timing, asked_at)
    select each, ${of.planId}::text, ${of.fromVersion}::int, ${of.toVersion}::int, ${of.timing}::text, ${of.now}::timestamptz
    from unnest(${of.accountIds}::text[]) as each
    on conflict (account_id, plan_id, from_version) do update set to_version = excluded.to_version,
      timing = excluded.timing, asked_at = excluded.asked_at, tries = 0, next_try_at = '-infinity', refusal = null,
      settled_at = null`,
  );

export const findMove = (q: Queryable, key: MoveKey): Promise<PlanVersionMoveRow | null> =>
  q.row("planVersionMoves.find", {
    text: `select ${columns} from plan_version_moves where account_id = $1::text and plan_id = $2::text
      and from_version = $3::int`,
    values: [key.accountId, key.planId, key.fromVersion],
  });

export const listMoves = (q: Queryable, accountId: string): Promise<PlanVersionMoveRow[]> =>
  q.rows("planVersionMoves.list", {
    text: `select ${columns} from plan_version_moves where account_id = $1::text order by plan_id, from_version`,
    values: [accountId],
  });

/** A version of Free and the instant from which an account has it; null is from its beginning. */
export interface FreeVersionRow {
  version: number;
  from: Date | null;
}

/** The versions of Free that an account had, has and will have, in that order. */
export const listFreeVersions = (q: Queryable, accountId: string): Promise<FreeVersionRow[]> =>
  q.rows(
    "planVersionMoves.listFreeVersions",
    sql`select free_plan_version as version, null::timestamptz as "from" from accounts where account_id = ${accountId}::text
    union all (select to_version, effective_at from plan_version_moves where account_id = ${accountId}::text
      and plan_id = 'free' and effective_at is not null)
    order by 2 nulls first, 1`,
  );

/**
 * Moves to be looked at, of which at most `changesMax` may have a change of their subscription open: customers' own
 * changes are not to wait behind those of thousands.
 */
export const listDueMoves = (
  q: Queryable,
  due: { wallNow: Date; limit: number; changesMax: number },
): Promise<MoveKey[]> =>
  q.rows(
    "planVersionMoves.listDue",
    sql`(select account_id as "accountId", plan_id as "planId", from_version as "fromVersion" from plan_version_moves
      where settled_at is null and next_try_at <= ${due.wallNow}::timestamptz and plan_id = 'free'
      order by next_try_at limit ${due.limit}::int)
    union all (select account_id, plan_id, from_version from plan_version_moves
      where settled_at is null and next_try_at <= ${due.wallNow}::timestamptz and plan_id <> 'free'
      order by next_try_at limit greatest(0, ${due.changesMax}::int - (select count(*) from plan_changes
        where finished_at is null and wanted_plan_version is not null)))`,
  );

/** Nothing is left to do for now; `effectiveAt` stays where it is not given. */
export const updateMoveSettled = (
  q: Queryable,
  key: MoveKey,
  { now, effectiveAt = null }: { now: Date; effectiveAt?: Date | null },
): Promise<number> =>
  q.run(
    "planVersionMoves.updateSettled",
    sql`update plan_version_moves set settled_at = ${now}::timestamptz, change_id = null, refusal = null, tries = 0,
      effective_at = coalesce(${effectiveAt}::timestamptz, effective_at)
    where account_id = ${key.accountId}::text and plan_id = ${key.planId}::text and from_version = ${key.fromVersion}::int`,
  );

/** Puts the next look off until `nextTryAt` (wall time). */
export const updateMoveNext = (
  q: Queryable,
  key: MoveKey,
  next: Pick<PlanVersionMoveRow, "changeId" | "nextTryAt" | "tries" | "timing" | "refusal">,
): Promise<number> =>
  q.run(
    "planVersionMoves.updateNext",
    sql`update plan_version_moves set change_id = ${next.changeId}::text, next_try_at = ${next.nextTryAt}::timestamptz,
      tries = ${next.tries}::int, timing = ${next.timing}::text,
      refusal = ${next.refusal === null ? null : JSON.stringify(next.refusal)}::jsonb
    where account_id = ${key.accountId}::text and plan_id = ${key.planId}::text and from_version = ${key.fromVersion}::int`,
  );

/** What was settled is to be looked at again. */
export const updateMoveReopened = (q: Queryable, key: MoveKey): Promise<number> =>
  q.run(
    "planVersionMoves.updateReopened",
    sql`update plan_version_moves set settled_at = null, next_try_at = '-infinity', tries = 0
    where account_id = ${key.accountId}::text and plan_id = ${key.planId}::text and from_version = ${key.fromVersion}::int
      and settled_at is not null`,
  );

/** What is wanted of an account's version already. */
export type WantedMove = Pick<PlanVersionMoveRow, "toVersion" | "timing" | "refusal"> & {
  isSettled: boolean;
};

export interface VersionHolders {
  planId: string;
  fromVersion: number;
  /** Null: every account. */
  accountIds: readonly string[] | null;
}

/** A subscription that has the version, changes to it, or was moved from it. */
export interface HoldingSubscriptionRow {
  accountId: string;
  planId: PlanId;
  planVersion: number;
  status: string;
  pendingPlanId: PlanId | null;
  pendingPlanVersion: number | null;
  cancelAtPeriodEnd: boolean;
  cancelAt: Date | null;
  periodEnd: Date;
  /** Null where nothing is. */
  wanted: WantedMove | null;
}

const wanted = `case when m.account_id is null then null else jsonb_build_object('toVersion', m.to_version,
  'timing', m.timing, 'refusal', m.refusal, 'isSettled', m.settled_at is not null) end`;

/** Subscriptions that are not over and have to do with a version of a paid plan, by account. */
export const listHoldingSubscriptions = (
  q: Queryable,
  of: VersionHolders,
): Promise<HoldingSubscriptionRow[]> =>
  q.rows("planVersionMoves.listHoldingSubscriptions", {
    text: `select s.account_id as "accountId", s.plan_id as "planId", s.plan_version as "planVersion", s.status,
      s.pending_plan_id as "pendingPlanId", s.pending_plan_version as "pendingPlanVersion",
      s.cancel_at_period_end as "cancelAtPeriodEnd", s.cancel_at as "cancelAt", s.period_end as "periodEnd",
      ${wanted} as wanted
    from user_subscriptions s
    left join plan_version_moves m on m.account_id = s.account_id and m.plan_id = $1::text and m.from_version = $2::int
    where s.status not in ('canceled', 'incomplete_expired')
      and ((s.plan_id = $1::text and s.plan_version = $2::int)
        or (s.pending_plan_id = $1::text and s.pending_plan_version = $2::int)
        or (m.account_id is not null and s.plan_id = $1::text))
      and ($3::text[] is null or s.account_id = any($3::text[]))
    order by s.account_id, s.started_at`,
    values: [of.planId, of.fromVersion, of.accountIds],
  });

/** An account that has the version of Free, or was moved from it. */
export interface HoldingAccountRow {
  accountId: string;
  /** The version of Free that it comes to, by what is planned so far. */
  freeVersion: number;
  /** The paid plan that it has meanwhile; null on Free. */
  paidPlanId: PlanId | null;
  /** Where its present period ends, as far as its periods are written. */
  periodEnd: Date;
  /** From when what is wanted is in force; null where nothing is, or that is not planned yet. */
  effectiveAt: Date | null;
  wanted: WantedMove | null;
}

/** Accounts that have, or had, a version of Free. */
export const listHoldingAccounts = (q: Queryable, of: VersionHolders): Promise<HoldingAccountRow[]> =>
  q.rows("planVersionMoves.listHoldingAccounts", {
    text: `select a.account_id as "accountId", held.version as "freeVersion", nullif(u.plan_id, 'free') as "paidPlanId",
      u.period_start as "periodEnd", m.effective_at as "effectiveAt", ${wanted} as wanted
    from accounts a
    cross join lateral (select coalesce((select f.to_version from plan_version_moves f where f.account_id = a.account_id
        and f.plan_id = 'free' and f.effective_at is not null order by f.effective_at desc, f.to_version desc limit 1),
      a.free_plan_version) as version) held
    cross join lateral (select plan_id, period_start from usage_periods p where p.account_id = a.account_id
      order by period_start desc limit 1) u
    left join plan_version_moves m on m.account_id = a.account_id and m.plan_id = $1::text and m.from_version = $2::int
    where (held.version = $2::int or m.account_id is not null) and ($3::text[] is null or a.account_id = any($3::text[]))
    order by a.account_id`,
    values: [of.planId, of.fromVersion, of.accountIds],
  });

/** Which of these accounts there are. */
export const listKnownAccounts = async (q: Queryable, accountIds: readonly string[]): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "planVersionMoves.listKnownAccounts",
    sql`select account_id as "accountId" from accounts where account_id = any(${accountIds}::text[])`,
  );
  return rows.map(({ accountId }) => accountId);
};
