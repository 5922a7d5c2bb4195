import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export type AdjustmentState = "settled" | "pending" | "sending" | "sent" | "invoiced" | "review" | "waived";

/** A billed total of a closed period, with all that decides what is still to be billed of it. */
export interface ClosedTotalRow {
  accountId: string;
  metric: string;
  periodStart: Date;
  periodEnd: Date;
  totalQuantity: number;
  sentQuantity: number;
  /** Of all parts of the period that bill the metric, and how many they are. */
  closeSentQuantity: number;
  partCount: number;
  /** Up to where adjustments reach; null before the first. */
  adjustedQuantity: number | null;
  windowCount: number;
  isMismatched: boolean;
  /** Null: the close has no invoice. */
  invoiceId: string | null;
  /** What that invoice bills of the metric; null while it is a draft or not mirrored. */
  invoicedQuantity: number | null;
  includedQuantity: number;
  overageAmountMinor: number;
  overagePerUnits: number;
  currency: string;
  stripeSubscriptionId: string;
  stripeCustomerId: string;
}

/** The billed totals of a closed period of a subscription, by metric; none for any other period. */
export const listClosedTotals = (
  q: Queryable,
  { accountId, periodStart }: { accountId: string; periodStart: Date },
): Promise<ClosedTotalRow[]> =>
  q.rows(
    "usageAdjustments.listClosedTotals",
    sql`with part as (
      select p.*, a.stripe_customer_id, c.invoice_id, c.mismatch, c.period_start as close_start, c.period_end as close_end
      from usage_periods p join accounts a on a.account_id = p.account_id
      left join period_closes c on c.stripe_subscription_id = p.stripe_subscription_id
        and p.period_end > c.period_start and p.period_end <= c.period_end
      where p.account_id = ${accountId}::text and p.period_start = ${periodStart}::timestamptz
        and p.closed_at is not null and p.stripe_subscription_id is not null and a.stripe_customer_id is not null
    )
    select part.account_id as "accountId", l.metric, part.period_start as "periodStart", part.period_end as "periodEnd",
      coalesce(t.quantity, 0) as "totalQuantity", own.quantity as "sentQuantity",
      coalesce(parts.quantity, own.quantity) as "closeSentQuantity", greatest(parts.count, 1) as "partCount",
      w.to_quantity as "adjustedQuantity", coalesce(w.window_no, 0) as "windowCount",
      part.mismatch is not null as "isMismatched", part.invoice_id as "invoiceId",
      invoiced.quantity as "invoicedQuantity", l.included_quantity as "includedQuantity",
      l.overage_amount_minor as "overageAmountMinor", l.overage_per_units as "overagePerUnits", s.currency,
      part.stripe_subscription_id as "stripeSubscriptionId", part.stripe_customer_id as "stripeCustomerId"
    from part
    join plan_limits l on l.plan_id = part.plan_id and l.plan_version = part.plan_version and l.overage_policy = 'bill'
    join subscription_plans s on s.plan_id = part.plan_id and s.version = part.plan_version
    left join usage_totals t on t.account_id = part.account_id and t.metric = l.metric
      and t.period_start = part.period_start
    cross join lateral (select coalesce(sum(r.to_quantity - r.from_quantity), 0)::bigint as quantity from usage_reports r
      where r.account_id = part.account_id and r.metric = l.metric and r.period_start = part.period_start
        and r.state in ('sent', 'confirmed')) own
    cross join lateral (select sum(sent.quantity)::bigint as quantity, count(*) as count
      from usage_periods p
      join plan_limits k on k.plan_id = p.plan_id and k.plan_version = p.plan_version and k.metric = l.metric
        and k.overage_policy = 'bill'
      cross join lateral (select coalesce(sum(r.to_quantity - r.from_quantity), 0) as quantity from usage_reports r
        where r.account_id = p.account_id and r.metric = k.metric and r.period_start = p.period_start
          and r.state in ('sent', 'confirmed')) sent
      where p.account_id = part.account_id and p.stripe_subscription_id = part.stripe_subscription_id
        and p.period_end > part.close_start and p.period_end <= part.close_end) parts
    left join lateral (select a.to_quantity, a.window_no from usage_adjustments a where a.account_id = part.account_id
      and a.metric = l.metric and a.period_start = part.period_start order by a.window_no desc limit 1) w on true
    left join lateral (select coalesce(sum((line ->> 'quantity')::bigint), 0)::bigint as quantity
      from invoices i left join lateral jsonb_array_elements(i.lines) line
        on line ->> 'metric' = l.metric and not (line ->> 'isProration')::boolean
      where i.invoice_id = part.invoice_id and i.status <> 'draft' group by i.invoice_id) invoiced on true
    order by l.metric`,
  );

/** Closed periods that were marked before `markedBefore` (business time) and are not waiting for a next try. */
export const listDueChecks = (
  q: Queryable,
  due: { markedBefore: Date; wallNow: Date; limit: number },
): Promise<{ accountId: string; periodStart: Date }[]> =>
  q.rows(
    "usageAdjustments.listDueChecks",
    sql`select account_id as "accountId", period_start as "periodStart" from usage_adjustment_checks
    where marked_at <= ${due.markedBefore}::timestamptz and next_try_at <= ${due.wallNow}::timestamptz
    order by marked_at limit ${due.limit}::int`,
  );

/** Marks closed periods of subscriptions whose totals have changed; what is marked already stays as it is. */
export const markClosedPeriods = (
  q: Queryable,
  marks: { accountIds: readonly string[]; periodStarts: readonly Date[]; now: Date },
): Promise<number> =>
  q.run(
    "usageAdjustments.markClosed",
    sql`insert into usage_adjustment_checks (account_id, period_start, marked_at)
    select p.account_id, p.period_start, ${marks.now}::timestamptz
    from unnest(${marks.accountIds}::text[], ${marks.periodStarts}::timestamptz[]) as w (account_id, period_start)
    join usage_periods p on p.account_id = w.account_id and p.period_start = w.period_start
    where p.closed_at is not null and p.stripe_subscription_id is not null
    order by p.account_id, p.period_start
    on conflict do nothing`,
  );

/** Takes a mark away: what it stood for is written. */
export const deleteCheck = (q: Queryable, check: { accountId: string; periodStart: Date }): Promise<number> =>
  q.run(
    "usageAdjustments.deleteCheck",
    sql`delete from usage_adjustment_checks
    where account_id = ${check.accountId}::text and period_start = ${check.periodStart}::timestamptz`,
  );

/** Looks at a mark again at `nextTryAt` (wall time). */
export const updateCheckRetry = (
  q: Queryable,
  check: { accountId: string; periodStart: Date; nextTryAt: Date },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateCheckRetry",
    sql`update usage_adjustment_checks set next_try_at = ${check.nextTryAt}::timestamptz
    where account_id = ${check.accountId}::text and period_start = ${check.periodStart}::timestamptz`,
  );

export interface AdjustmentRow {
  adjustmentId: string;
  accountId: string;
  metric: string;
  /** Of the metric, in the singular. */
  unit: string;
  periodStart: Date;
  periodEnd: Date;
  windowNo: number;
  fromQuantity: number;
  toQuantity: number;
  amountMinor: number;
  currency: string;
  reason: "late" | "remainder";
  stripeSubscriptionId: string;
  stripeCustomerId: string;
  state: AdjustmentState;
  billedOn: "subscription" | "own-invoice" | null;
  stripeInvoiceItemId: string | null;
  stripeInvoiceId: string | null;
  attempts: number;
  lastError: string | null;
  createdAt: Date;
  firstSentAt: Date | null;
}

/** Writes a window of a total; one that is there stays as it is. */
export const insertAdjustment = (
  q: Queryable,
  row: Omit<
    AdjustmentRow,
    "unit" | "billedOn" | "stripeInvoiceItemId" | "stripeInvoiceId" | "attempts" | "lastError" | "firstSentAt"
  >,
): Promise<number> =>
  q.run(
    "usageAdjustments.insert",
    sql`insert into usage_adjustments (adjustment_id, account_id, metric, period_start, period_end, window_no, from_quantity,
      to_quantity, amount_minor, currency, reason, stripe_subscription_id, stripe_customer_id, state, created_at)
    values (${row.adjustmentId}::text, ${row.accountId}::text, ${row.metric}::text, ${row.periodStart}::timestamptz,
      ${row.periodEnd}::timestamptz, ${row.windowNo}::int, ${row.fromQuantity}::bigint, ${row.toQuantity}::bigint,
      ${row.amountMinor}::bigint, ${row.currency}::text, ${row.reason}::text, ${row.stripeSubscriptionId}::text,
      ${row.stripeCustomerId}::text, ${row.state}::text, ${row.createdAt}::timestamptz)
    on conflict do nothing`,
  );

const columns = `a.adjustment_id as "adjustmentId", a.account_id as "accountId", a.metric, m.unit,
  a.period_start as "periodStart", a.period_end as "periodEnd", a.window_no as "windowNo",
  a.from_quantity as "fromQuantity", a.to_quantity as "toQuantity", a.amount_minor as "amountMinor", a.currency, a.reason,
  a.stripe_subscription_id as "stripeSubscriptionId", a.stripe_customer_id as "stripeCustomerId", a.state,
  a.billed_on as "billedOn", a.stripe_invoice_item_id as "stripeInvoiceItemId", a.stripe_invoice_id as "stripeInvoiceId",
  a.attempts, a.last_error as "lastError", a.created_at as "createdAt", a.first_sent_at as "firstSentAt"`;

export const findAdjustment = (q: Queryable, adjustmentId: string): Promise<AdjustmentRow | null> =>
  q.row("usageAdjustments.find", {
    text: `select ${columns} from usage_adjustments a join metrics m on m.metric = a.metric where a.adjustment_id = $1::text`,
    values: [adjustmentId],
  });

/** Adjustments, the newest first, those that come after `after`; of one account or in one state, where given. */
export const listAdjustments = (
  q: Queryable,
  page: {
    accountId: string | null;
    state: AdjustmentState | null;
    limit: number;
    after: { at: Date; id: string } | null;
  },
): Promise<AdjustmentRow[]> =>
  q.rows("usageAdjustments.list", {
    text: `select ${columns} from usage_adjustments a join metrics m on m.metric = a.metric
      where ($1::text is null or a.account_id = $1::text) and ($2::text is null or a.state = $2::text)
        and ($3::timestamptz is null or (a.created_at, a.adjustment_id) < ($3::timestamptz, $4::text))
      order by a.created_at desc, a.adjustment_id desc limit $5::int`,
    values: [page.accountId, page.state, page.after?.at ?? null, page.after?.id ?? null, page.limit],
  });

/** What has to be done at Stripe: sent at all, or sent to a subscription that has ended without an invoice for it. */
const dueText = `a.state in ('pending', 'sending') or (a.state = 'sent' and exists (select from user_subscriptions s
  where s.stripe_subscription_id = a.stripe_subscription_id and s.status in ('canceled', 'incomplete_expired')))`;

/** Takes what is due for as long as the lease (wall time): whoever dies leaves it to the next one. */
export const claimAdjustments = async (
  q: Queryable,
  claim: { leaseMs: number; limit: number },
): Promise<string[]> => {
  const rows = await q.rows<{ id: string }>("usageAdjustments.claim", {
    text: `update usage_adjustments set next_attempt_at = clock_timestamp() + $1::int * interval '1 millisecond'
      where adjustment_id in (select a.adjustment_id from usage_adjustments a
        where a.next_attempt_at <= clock_timestamp() and (${dueText})
        order by a.next_attempt_at, a.created_at limit $2::int for update skip locked)
      returning adjustment_id as id`,
    values: [claim.leaseMs, claim.limit],
  });
  return rows.map(({ id }) => id);
};

/** Writes down, before the first call to Stripe, where an adjustment is billed. @returns 0 where it is no longer open. */
export const updateAdjustmentRoute = (
  q: Queryable,
  route: { adjustmentId: string; billedOn: "subscription" | "own-invoice"; now: Date },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateRoute",
    sql`update usage_adjustments set state = 'sending', billed_on = ${route.billedOn}::text,
      first_sent_at = ${route.now}::timestamptz, stripe_invoice_item_id = null, stripe_invoice_id = null
    where adjustment_id = ${route.adjustmentId}::text and state in ('pending', 'sending', 'sent')`,
  );

/** The invoice that was made for an adjustment alone. */
export const updateAdjustmentInvoice = (
  q: Queryable,
  made: { adjustmentId: string; stripeInvoiceId: string },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateInvoice",
    sql`update usage_adjustments set stripe_invoice_id = ${made.stripeInvoiceId}::text
    where adjustment_id = ${made.adjustmentId}::text and state = 'sending'`,
  );

/** Stripe has its item. */
export const updateAdjustmentSent = (
  q: Queryable,
  sent: { adjustmentId: string; stripeInvoiceItemId: string; now: Date },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateSent",
    sql`update usage_adjustments set state = 'sent', stripe_invoice_item_id = ${sent.stripeInvoiceItemId}::text,
      sent_at = ${sent.now}::timestamptz, attempts = 0, last_error = null
    where adjustment_id = ${sent.adjustmentId}::text and state = 'sending'`,
  );

/** Whether Stripe has it is not known, or it refused: tried again after `delayMs` of wall time. */
export const updateAdjustmentRetry = (
  q: Queryable,
  retry: { adjustmentId: string; error: string; delayMs: number },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateRetry",
    sql`update usage_adjustments set last_error = ${retry.error}::text, attempts = attempts + 1,
      next_attempt_at = clock_timestamp() + ${retry.delayMs}::int * interval '1 millisecond'
    where adjustment_id = ${retry.adjustmentId}::text and state in ('pending', 'sending', 'sent')`,
  );

/** Adjustments that a finalized invoice has a line of. */
export const updateAdjustmentsInvoiced = (
  q: Queryable,
  invoiced: { adjustmentIds: readonly string[]; accountId: string; invoiceId: string; now: Date },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateInvoiced",
    sql`update usage_adjustments set state = 'invoiced', stripe_invoice_id = ${invoiced.invoiceId}::text,
      invoiced_at = ${invoiced.now}::timestamptz, last_error = null
    where adjustment_id = any(${invoiced.adjustmentIds}::text[]) and account_id = ${invoiced.accountId}::text
      and state in ('sending', 'sent')`,
  );

/** What an operator decides of one in review, or not sent yet. @returns 0 where it is too late for that. */
export const updateAdjustmentDecided = (
  q: Queryable,
  decided: { adjustmentId: string; state: "pending" | "waived" },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateDecided",
    sql`update usage_adjustments set state = case when ${decided.state}::text = 'pending' and amount_minor = 0
      then 'settled' else ${decided.state}::text end
    where adjustment_id = ${decided.adjustmentId}::text
      and (state = 'review' or (state = 'pending' and ${decided.state}::text = 'waived'))`,
  );
