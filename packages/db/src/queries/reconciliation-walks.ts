import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/**
 * Takes a walk's next step for as long as the lease, where it is due; the very first one `firstAfterMs` from now.
 * @returns where it stands; null where it is not due.
 */
export const claimStep = async <Position>(
  q: Queryable,
  walk: string,
  { leaseMs, firstAfterMs }: { leaseMs: number; firstAfterMs: number },
): Promise<{ position: Partial<Position>; beganAt: Date | null } | null> => {
  await q.run(
    "reconciliationWalks.insertIfMissing",
    sql`insert into reconciliation_walks (walk, next_at)
    values (${walk}::text, clock_timestamp() + ${firstAfterMs}::int * interval '1 millisecond') on conflict do nothing`,
  );
  return q.row(
    "reconciliationWalks.claim",
    sql`update reconciliation_walks set next_at = clock_timestamp() + ${leaseMs}::int * interval '1 millisecond'
    where walk = ${walk}::text and next_at <= clock_timestamp()
    returning position, began_at as "beganAt"`,
  );
};

/** Keeps how far a walk has come, and when its next step is due. `completedAt`: it was at its end. */
export const updateStep = (
  q: Queryable,
  walk: string,
  step: { position: object; beganAt: Date; completedAt: Date | null; delayMs: number },
): Promise<number> =>
  q.run(
    "reconciliationWalks.updateStep",
    sql`update reconciliation_walks set position = ${JSON.stringify(step.position)}::jsonb,
      began_at = ${step.beganAt}::timestamptz, completed_at = coalesce(${step.completedAt}::timestamptz, completed_at),
      next_at = clock_timestamp() + ${step.delayMs}::int * interval '1 millisecond'
    where walk = ${walk}::text`,
  );

/** When a walk was last at its end; null before. */
export const findCompletedAt = async (q: Queryable, walk: string): Promise<Date | null> => {
  const row = await q.row<{ completedAt: Date | null }>(
    "reconciliationWalks.findCompletedAt",
    sql`select completed_at as "completedAt" from reconciliation_walks where walk = ${walk}::text`,
  );
  return row?.completedAt ?? null;
};

/** A period that a walk comes by. */
export interface WalkedPeriodRow {
  accountId: string;
  periodStart: Date;
  periodEnd: Date;
  planId: string;
  planVersion: number;
  stripeSubscriptionId: string | null;
  closedAt: Date | null;
  /** It is closed, and no digest covers one of its totals. */
  isUndigested: boolean;
}

const columns = `account_id as "accountId", period_start as "periodStart", period_end as "periodEnd", plan_id as "planId",
  plan_version as "planVersion", stripe_subscription_id as "stripeSubscriptionId", closed_at as "closedAt",
  closed_at is not null and exists (select from usage_totals t where t.account_id = p.account_id
    and t.period_start = p.period_start and t.event_count is distinct from (select d.total_event_count from usage_digests d
      where d.account_id = t.account_id and d.metric = t.metric and d.period_start = t.period_start
      order by d.version desc limit 1)) as "isUndigested"`;

/** Periods in the order in which they were closed, behind a position. */
export const listClosedPeriods = (
  q: Queryable,
  page: { closedAt: Date; accountId: string; periodStart: Date; limit: number },
): Promise<WalkedPeriodRow[]> =>
  q.rows("reconciliationWalks.listClosedPeriods", {
    text: `select ${columns} from usage_periods p where closed_at is not null
      and (closed_at, account_id, period_start) > ($1::timestamptz, $2::text, $3::timestamptz)
      order by closed_at, account_id, period_start limit $4::int`,
    values: [page.closedAt, page.accountId, page.periodStart, page.limit],
  });

/** All periods that have begun, in the order of their key, behind a position. */
export const listPeriods = (
  q: Queryable,
  page: { accountId: string; periodStart: Date; now: Date; limit: number },
): Promise<WalkedPeriodRow[]> =>
  q.rows("reconciliationWalks.listPeriods", {
    text: `select ${columns} from usage_periods p where (account_id, period_start) > ($1::text, $2::timestamptz)
      and period_start <= $3::timestamptz order by account_id, period_start limit $4::int`,
    values: [page.accountId, page.periodStart, page.now, page.limit],
  });

/**
 * Periods that took usage in a minute of `(after, until]`; of more than `limit` rows of minutes only some, so that it costs
 * the same however much is going on.
 */
export const listMovedPeriods = (
  q: Queryable,
  of: { after: Date; until: Date; limit: number },
): Promise<{ accountId: string; periodStart: Date }[]> =>
  q.rows(
    "reconciliationWalks.listMoved",
    sql`select distinct m.account_id as "accountId", p.period_start as "periodStart"
    from (select account_id, minute_at from usage_minutes
      where minute_at > ${of.after}::timestamptz and minute_at <= ${of.until}::timestamptz limit ${of.limit}::int) m
    join usage_periods p on p.account_id = m.account_id
      and p.period_start < m.minute_at + interval '1 minute' and p.period_end > m.minute_at`,
  );
