import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export type CloseState = "claimed" | "draining" | "reporting" | "verifying" | "finalizing" | "closed";

/** Up to where the account's partition of the stream has to be committed. */
export interface DrainMark {
  epoch: string;
  streamId: string;
}

/** The close of one period of a subscription; its key is the subscription and the period's start. */
export interface PeriodCloseRow {
  stripeSubscriptionId: string;
  periodStart: Date;
  periodEnd: Date;
  accountId: string;
  /** What ends it: the invoice is finalized, or the subscription cancelled. */
  ending: "finalize" | "cancel";
  /** The draft; null where the subscription is cancelled. */
  invoiceId: string | null;
  state: CloseState;
  drainPositions: DrainMark | null;
  mismatch: string | null;
  tries: number;
  dueAt: Date;
  deadlineAt: Date;
}

export type CloseKey = Pick<PeriodCloseRow, "stripeSubscriptionId" | "periodStart">;

/** Opens a close; one that is there stays as it is. @returns whether it was opened now. */
export const insertClose = async (
  q: Queryable,
  close: Omit<PeriodCloseRow, "drainPositions" | "mismatch" | "tries"> & { now: Date },
): Promise<boolean> =>
  (await q.run(
    "periodCloses.insert",
    sql`insert into period_closes (stripe_subscription_id, period_start, period_end, account_id, ending, invoice_id, state,
      due_at, deadline_at, claimed_at)
    values (${close.stripeSubscriptionId}::text, ${close.periodStart}::timestamptz, ${close.periodEnd}::timestamptz,
      ${close.accountId}::text, ${close.ending}::text, ${close.invoiceId}::text, ${close.state}::text,
      ${close.dueAt}::timestamptz, ${close.deadlineAt}::timestamptz, ${close.now}::timestamptz)
    on conflict (stripe_subscription_id, period_start) do nothing`,
  )) === 1;

export const findClose = (q: Queryable, key: CloseKey): Promise<PeriodCloseRow | null> =>
  q.row(
    "periodCloses.find",
    sql`select stripe_subscription_id as "stripeSubscriptionId", period_start as "periodStart", period_end as "periodEnd",
      account_id as "accountId", ending, invoice_id as "invoiceId", state, drain_positions as "drainPositions", mismatch,
      tries, due_at as "dueAt", deadline_at as "deadlineAt"
    from period_closes where stripe_subscription_id = ${key.stripeSubscriptionId}::text
      and period_start = ${key.periodStart}::timestamptz`,
  );

/** The close that ends a subscription now, while it is open. */
export const findOpenCancel = (q: Queryable, stripeSubscriptionId: string): Promise<CloseKey | null> =>
  q.row(
    "periodCloses.findOpenCancel",
    sql`select stripe_subscription_id as "stripeSubscriptionId", period_start as "periodStart" from period_closes
    where stripe_subscription_id = ${stripeSubscriptionId}::text and ending = 'cancel' and closed_at is null`,
  );

export const hasCloseOfInvoice = async (q: Queryable, invoiceId: string): Promise<boolean> =>
  (await q.row(
    "periodCloses.hasOfInvoice",
    sql`select 1 from period_closes where invoice_id = ${invoiceId}::text`,
  )) !== null;

/** Open closes that are due by the business clock and not waiting for a next try by the wall clock. */
export const listDueCloses = (
  q: Queryable,
  due: { now: Date; wallNow: Date; limit: number },
): Promise<CloseKey[]> =>
  q.rows(
    "periodCloses.listDue",
    sql`select stripe_subscription_id as "stripeSubscriptionId", period_start as "periodStart" from period_closes
    where closed_at is null and due_at <= ${due.now}::timestamptz and next_try_at <= ${due.wallNow}::timestamptz
    order by due_at limit ${due.limit}::int`,
  );

export interface CloseChange {
  state: CloseState;
  dueAt?: Date;
  deadlineAt?: Date;
  mismatch?: string;
}

/** Moves a close from one state to another; 0 rows where somebody else has moved it meanwhile. */
export const updateCloseState = (
  q: Queryable,
  { stripeSubscriptionId, periodStart, state }: CloseKey & { state: CloseState },
  to: CloseChange,
): Promise<number> =>
  q.run(
    "periodCloses.updateState",
    sql`update period_closes set state = ${to.state}::text, due_at = coalesce(${to.dueAt ?? null}::timestamptz, due_at),
      deadline_at = coalesce(${to.deadlineAt ?? null}::timestamptz, deadline_at),
      mismatch = coalesce(${to.mismatch ?? null}::text, mismatch), next_try_at = '-infinity'
    where stripe_subscription_id = ${stripeSubscriptionId}::text and period_start = ${periodStart}::timestamptz
      and state = ${state}::text`,
  );

/** Notes up to where the stream has to be committed. */
export const updateCloseDrain = (q: Queryable, key: CloseKey, mark: DrainMark): Promise<number> =>
  q.run(
    "periodCloses.updateDrain",
    sql`update period_closes set drain_positions = ${JSON.stringify(mark)}::jsonb
    where stripe_subscription_id = ${key.stripeSubscriptionId}::text and period_start = ${key.periodStart}::timestamptz`,
  );

/** Puts the next try of a close off until `nextTryAt` (wall time). */
export const updateCloseRetry = (
  q: Queryable,
  key: CloseKey,
  retry: { nextTryAt: Date; tries: number },
): Promise<number> =>
  q.run(
    "periodCloses.updateRetry",
    sql`update period_closes set next_try_at = ${retry.nextTryAt}::timestamptz, tries = ${retry.tries}::int
    where stripe_subscription_id = ${key.stripeSubscriptionId}::text and period_start = ${key.periodStart}::timestamptz
      and closed_at is null`,
  );

/** Ends a close; a `mismatch` is kept of it beside an earlier one. @returns 0 where it had ended before. */
export const updateCloseClosed = (
  q: Queryable,
  key: CloseKey,
  { now, mismatch }: { now: Date; mismatch: string | null },
): Promise<number> =>
  q.run(
    "periodCloses.updateClosed",
    sql`update period_closes set state = 'closed', closed_at = ${now}::timestamptz,
      mismatch = nullif(concat_ws('; ', mismatch, ${mismatch}::text), '')
    where stripe_subscription_id = ${key.stripeSubscriptionId}::text and period_start = ${key.periodStart}::timestamptz
      and closed_at is null`,
  );

/** A period row that a close is about. */
export interface ClosedPeriodRow {
  periodStart: Date;
  periodEnd: Date;
  planId: string;
  stripeSubscriptionId: string;
}

/** The subscription's rows within the closing period, oldest first: more than one where the plan changed in it. */
export const listPeriodsOfClose = (
  q: Queryable,
  close: Pick<PeriodCloseRow, "accountId" | "stripeSubscriptionId" | "periodStart" | "periodEnd">,
): Promise<ClosedPeriodRow[]> =>
  q.rows(
    "periodCloses.listPeriods",
    sql`select period_start as "periodStart", period_end as "periodEnd", plan_id as "planId",
      stripe_subscription_id as "stripeSubscriptionId"
    from usage_periods where account_id = ${close.accountId}::text and closed_at is null
      and stripe_subscription_id = ${close.stripeSubscriptionId}::text
      and period_end > ${close.periodStart}::timestamptz and period_end <= ${close.periodEnd}::timestamptz
    order by period_start`,
  );

/** What was used and what of it Stripe was told, for one billed metric of one period row. */
export interface BilledTotalRow {
  periodStart: Date;
  metric: string;
  totalQuantity: number;
  sentQuantity: number;
  openCount: number;
  failedCount: number;
}

/**
 * The billed metrics of these period rows, with what of each was reported. While a close verifies, a total is what was
 * frozen of it: what comes later does not hold up the invoice, save where the metric's policy says so.
 */
export const listBilledTotals = (
  q: Queryable,
  of: { accountId: string; periodStarts: readonly Date[] },
): Promise<BilledTotalRow[]> =>
  q.rows(
    "periodCloses.listBilledTotals",
    sql`select p.period_start as "periodStart", l.metric, coalesce(case when m.late_policy <> 'bill-in-period-if-draft'
          and exists (select from period_closes c where c.stripe_subscription_id = p.stripe_subscription_id
            and c.closed_at is null and p.period_end > c.period_start and p.period_end <= c.period_end
            and c.state in ('verifying', 'finalizing'))
        then (array_agg(r.to_quantity order by r.window_no desc))[1] else t.quantity end, 0) as "totalQuantity",
      coalesce(case m.report_mode
        when 'last' then (array_agg(r.to_quantity order by r.window_no desc) filter (where r.state in ('sent', 'confirmed')))[1]
        else sum(r.to_quantity - r.from_quantity) filter (where r.state in ('sent', 'confirmed')) end, 0)::bigint as "sentQuantity",
      count(r.identifier) filter (where r.state in ('pending', 'sending')) as "openCount",
      count(r.identifier) filter (where r.state = 'failed') as "failedCount"
    from usage_periods p
    join plan_limits l on l.plan_id = p.plan_id and l.plan_version = p.plan_version and l.overage_policy = 'bill'
    join metrics m on m.metric = l.metric
    left join usage_totals t on t.account_id = p.account_id and t.period_start = p.period_start and t.metric = l.metric
    left join usage_reports r on r.account_id = p.account_id and r.period_start = p.period_start and r.metric = l.metric
    where p.account_id = ${of.accountId}::text and p.period_start = any(${of.periodStarts}::timestamptz[])
    group by p.period_start, p.period_end, p.stripe_subscription_id, l.metric, m.report_mode, m.late_policy, t.quantity
    order by p.period_start, l.metric`,
  );
