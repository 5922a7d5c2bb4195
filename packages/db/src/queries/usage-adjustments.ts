import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export type AdjustmentState = "settled" | "pending" | "sending" | "sent" | "invoiced" | "review" | "waived";

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
  /** What earlier parts of the billing period had used of the included quantity, as far as it was billed, and now. */
  fromCarried: number;
  toCarried: number;
  amountMinor: number;
  currency: string;
  reason: "late" | "remainder" | "allowance";
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
      to_quantity, from_carried, to_carried, amount_minor, currency, reason, stripe_subscription_id, stripe_customer_id, state, created_at)
    values (${row.adjustmentId}::text, ${row.accountId}::text, ${row.metric}::text, ${row.periodStart}::timestamptz,
      ${row.periodEnd}::timestamptz, ${row.windowNo}::int, ${row.fromQuantity}::bigint, ${row.toQuantity}::bigint,
      ${row.fromCarried}::bigint, ${row.toCarried}::bigint,
      ${row.amountMinor}::bigint, ${row.currency}::text, ${row.reason}::text, ${row.stripeSubscriptionId}::text,
      ${row.stripeCustomerId}::text, ${row.state}::text, ${row.createdAt}::timestamptz)
    on conflict do nothing`,
  );

const columns = `a.adjustment_id as "adjustmentId", a.account_id as "accountId", a.metric, m.unit,
  a.period_start as "periodStart", a.period_end as "periodEnd", a.window_no as "windowNo",
  a.from_quantity as "fromQuantity", a.to_quantity as "toQuantity",
  a.from_carried as "fromCarried", a.to_carried as "toCarried", a.amount_minor as "amountMinor", a.currency, a.reason,
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

/** What has to be done at Stripe: to send it at all; or it waits for an invoice of a subscription that has ended. */
const dueText = `a.state in ('pending', 'sending') or (a.state = 'sent' and a.stripe_invoice_id is null and exists (
  select from user_subscriptions s where s.stripe_subscription_id = a.stripe_subscription_id
    and s.status in ('canceled', 'incomplete_expired')))`;

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

/** The invoice that an adjustment is on, though it is not known to be final. */
export const updateAdjustmentInvoice = (
  q: Queryable,
  made: { adjustmentId: string; stripeInvoiceId: string },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateInvoice",
    sql`update usage_adjustments set stripe_invoice_id = ${made.stripeInvoiceId}::text
    where adjustment_id = ${made.adjustmentId}::text and state in ('sending', 'sent')`,
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

/** One that Stripe will never take: a person decides. */
export const updateAdjustmentInReview = (
  q: Queryable,
  refused: { adjustmentId: string; error: string },
): Promise<number> =>
  q.run(
    "usageAdjustments.updateInReview",
    sql`update usage_adjustments set state = 'review', last_error = ${refused.error}::text, attempts = attempts + 1
    where adjustment_id = ${refused.adjustmentId}::text and state in ('pending', 'sending', 'sent')`,
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

/** How many adjustments are not at Stripe yet: to be sent, tried in vain, in review. */
export const countOpenAdjustments = (
  q: Queryable,
): Promise<{ state: "waiting" | "refused" | "review"; count: number }[]> =>
  q.rows(
    "usageAdjustments.countOpen",
    sql`select case when state = 'review' then 'review' when attempts > 0 then 'refused' else 'waiting' end as state,
      count(*) as count from usage_adjustments where state in ('pending', 'sending', 'review') group by 1`,
  );
