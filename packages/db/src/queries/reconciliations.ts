import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { PeriodKey } from "./reconciliation-figures.ts";

/** The five figures and what explains them; null is not known. Quantities in the metric's unit. */
export interface ReconciledFigures {
  accepted: number | null;
  stored: number | null;
  total: number;
  live: number | null;
  reported: number;
  confirmed: number;
  waiting: number;
  refused: number;
  adjusted: number;
  invoiced: number | null;
  setAsideEvents: number;
  isBilled: boolean;
  isClosed: boolean;
  /** Of the rule, for its next look. */
  baseline: { old: number | null; next: { total: number; atMs: number } };
}

/** What the last reading of a period's records found of a metric, with the total around it. */
export interface StoredFigure {
  quantity: number;
  before: number;
  after: number;
  /** Events of the total when it ended. */
  totalEvents: number;
  /** Readings in a row that differed. */
  faults: number;
  /** RFC 3339, wall time. */
  readAt: string;
}

export interface DifferenceRow {
  kind: string;
  expected: number;
  found: number;
  sinceMs: number;
}

export type ReconciliationStateRow = "agrees" | "in_flight" | "drifted" | "repaired";

export interface ReconciliationRow extends PeriodKey {
  id: number;
  metric: string;
  periodEnd: Date;
  state: ReconciliationStateRow;
  /** Empty before the first comparison. */
  figures: ReconciledFigures | Record<string, never>;
  stored: StoredFigure | null;
  differences: DifferenceRow[];
  largest: number;
  since: Date;
  comparedAt: Date;
  repairedAt: Date | null;
  priority: number;
}

const columns = `reconciliation_id as id, account_id as "accountId", metric, period_start as "periodStart",
  period_end as "periodEnd", state, figures, stored, differences, largest, since, compared_at as "comparedAt",
  repaired_at as "repairedAt", priority`;

/** The comparisons of these periods. */
export const listOfPeriods = (q: Queryable, keys: readonly PeriodKey[]): Promise<ReconciliationRow[]> =>
  q.rows("reconciliations.listOfPeriods", {
    text: `select ${columns} from reconciliations where (account_id, period_start) in
      (select * from unnest($1::text[], $2::timestamptz[]))`,
    values: [keys.map(({ accountId }) => accountId), keys.map(({ periodStart }) => periodStart)],
  });

export const findReconciliation = (q: Queryable, id: number): Promise<ReconciliationRow | null> =>
  q.row("reconciliations.find", {
    text: `select ${columns} from reconciliations where reconciliation_id = $1::bigint`,
    values: [id],
  });

export type ComparedRow = Pick<
  ReconciliationRow,
  "accountId" | "metric" | "periodStart" | "periodEnd" | "state" | "differences" | "largest"
> & { figures: ReconciledFigures; lookAt: Date | null };

/** Keeps what was compared at `now` (wall time). */
export const upsertCompared = (q: Queryable, rows: readonly ComparedRow[], now: Date): Promise<number> =>
  q.run(
    "reconciliations.upsertCompared",
    sql`insert into reconciliations as r (account_id, metric, period_start, period_end, state, figures, differences, largest,
      since, compared_at, look_at)
    select account_id, metric, period_start, period_end, state, figures, differences, largest, ${now}::timestamptz,
      ${now}::timestamptz, look_at
    from unnest(${rows.map((row) => row.accountId)}::text[], ${rows.map((row) => row.metric)}::text[],
      ${rows.map((row) => row.periodStart)}::timestamptz[], ${rows.map((row) => row.periodEnd)}::timestamptz[],
      ${rows.map((row) => row.state)}::text[], ${rows.map((row) => JSON.stringify(row.figures))}::jsonb[],
      ${rows.map((row) => JSON.stringify(row.differences))}::jsonb[], ${rows.map((row) => row.largest)}::bigint[],
      ${rows.map((row) => row.lookAt)}::timestamptz[])
      as n (account_id, metric, period_start, period_end, state, figures, differences, largest, look_at)
    order by account_id, metric, period_start
    on conflict (account_id, metric, period_start) do update set period_end = excluded.period_end, state = excluded.state,
      figures = excluded.figures, differences = excluded.differences, largest = excluded.largest,
      since = case when r.state = excluded.state then r.since else excluded.since end,
      compared_at = excluded.compared_at, look_at = excluded.look_at`,
  );

/** Keeps what a reading found; compared again at once. */
export const upsertStored = (
  q: Queryable,
  of: PeriodKey & { metric: string; periodEnd: Date; stored: StoredFigure; now: Date },
): Promise<number> =>
  q.run(
    "reconciliations.upsertStored",
    sql`insert into reconciliations (account_id, metric, period_start, period_end, state, figures, stored, since, compared_at,
      look_at)
    values (${of.accountId}::text, ${of.metric}::text, ${of.periodStart}::timestamptz, ${of.periodEnd}::timestamptz,
      'in_flight', '{}', ${JSON.stringify(of.stored)}::jsonb, ${of.now}::timestamptz, ${of.now}::timestamptz,
      ${of.now}::timestamptz)
    on conflict (account_id, metric, period_start) do update set stored = excluded.stored, look_at = excluded.look_at`,
  );

/** Takes periods that are due to be compared again, for as long as the lease. */
export const claimDue = (
  q: Queryable,
  claim: { now: Date; leaseMs: number; limit: number },
): Promise<PeriodKey[]> =>
  q.rows(
    "reconciliations.claimDue",
    sql`with due as (select reconciliation_id from reconciliations where look_at <= ${claim.now}::timestamptz
      order by look_at limit ${claim.limit}::int for update skip locked)
    update reconciliations r set look_at = ${claim.now}::timestamptz + ${claim.leaseMs}::int * interval '1 millisecond'
    from due where r.reconciliation_id = due.reconciliation_id
    returning r.account_id as "accountId", r.period_start as "periodStart"`,
  );

/** Forgets the comparisons of a period that is no more: its usage is in others. */
export const deleteOfPeriods = (q: Queryable, keys: readonly PeriodKey[]): Promise<number> =>
  q.run("reconciliations.deleteOfPeriods", {
    text: `delete from reconciliations r using unnest($1::text[], $2::timestamptz[]) as k (account_id, period_start)
      where r.account_id = k.account_id and r.period_start = k.period_start and not exists (select from usage_periods p
        where p.account_id = k.account_id and p.period_start = k.period_start)`,
    values: [keys.map(({ accountId }) => accountId), keys.map(({ periodStart }) => periodStart)],
  });

/** Notes a repair, and has the period compared again at once. */
export const updateRepaired = (q: Queryable, id: number, now: Date): Promise<number> =>
  q.run(
    "reconciliations.updateRepaired",
    sql`update reconciliations set repaired_at = ${now}::timestamptz, look_at = ${now}::timestamptz
    where reconciliation_id = ${id}::bigint`,
  );

/** Drifted first, then what is in flight, and of each the newest; those that come after `after`. */
export const listReconciliations = (
  q: Queryable,
  page: {
    accountId: string | null;
    state: string | null;
    after: { priority: number; id: number } | null;
    limit: number;
  },
): Promise<ReconciliationRow[]> =>
  q.rows("reconciliations.list", {
    text: `select ${columns} from reconciliations where ($1::text is null or account_id = $1::text)
      and ($2::text is null or state = $2::text)
      and ($3::smallint is null or priority > $3::smallint or (priority = $3::smallint and reconciliation_id < $4::bigint))
      order by priority, reconciliation_id desc limit $5::int`,
    values: [page.accountId, page.state, page.after?.priority ?? null, page.after?.id ?? null, page.limit],
  });

/** Comparisons of periods that ended in `[from, until)`, by their end; those that come after `after`. */
export const listEnded = (
  q: Queryable,
  page: {
    from: Date;
    until: Date;
    accountId: string | null;
    after: { periodEnd: Date; id: number } | null;
    limit: number;
  },
): Promise<ReconciliationRow[]> =>
  q.rows("reconciliations.listEnded", {
    text: `select ${columns} from reconciliations
      where period_end >= $1::timestamptz and period_end < $2::timestamptz and ($3::text is null or account_id = $3::text)
        and ($4::timestamptz is null or (period_end, reconciliation_id) > ($4::timestamptz, $5::bigint))
      order by period_end, reconciliation_id limit $6::int`,
    values: [
      page.from,
      page.until,
      page.accountId,
      page.after?.periodEnd ?? null,
      page.after?.id ?? null,
      page.limit,
    ],
  });

export interface DriftCounts {
  drifted: number;
  largest: number;
  /** Wall time. */
  oldestSince: Date | null;
}

export const countDrifted = async (q: Queryable): Promise<DriftCounts> => {
  const row = await q.row<DriftCounts>(
    "reconciliations.countDrifted",
    sql`select count(*) as drifted, coalesce(max(largest), 0) as largest, min(since) as "oldestSince"
    from reconciliations where priority = 0`,
  );
  return row ?? { drifted: 0, largest: 0, oldestSince: null };
};
