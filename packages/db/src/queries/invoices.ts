import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export type InvoiceStatus = "draft" | "open" | "paid" | "uncollectible" | "void";

/** One line, as kept in `invoices.lines`; instants in RFC 3339. */
export interface InvoiceLine {
  lineId: string;
  description: string | null;
  amountMinor: number;
  quantity: number | null;
  periodStart: string;
  periodEnd: string;
  stripePriceId: string | null;
  subscriptionItemId: string | null;
  /** The metric that a metered line bills; null for every other line. */
  metric: string | null;
  isProration: boolean;
  /** The adjustment of a closed period that the line bills. */
  adjustmentId?: string;
}

/** An invoice as Stripe last told it. */
export interface InvoiceRow {
  invoiceId: string;
  accountId: string;
  stripeSubscriptionId: string | null;
  number: string | null;
  status: InvoiceStatus;
  /** "subscription_create", "subscription_cycle", "subscription_update", "manual" … */
  billingReason: string | null;
  totalMinor: number;
  amountDueMinor: number;
  amountPaidMinor: number;
  amountRemainingMinor: number;
  currency: string;
  periodStart: Date;
  periodEnd: Date;
  hostedUrl: string | null;
  pdfUrl: string | null;
  lines: InvoiceLine[];
  createdAt: Date;
  finalizedAt: Date | null;
  paidAt: Date | null;
  nextPaymentAttemptAt: Date | null;
  automaticallyFinalizesAt: Date | null;
  autoAdvance: boolean;
  /** Of Stripe's own tries; those we ask for are not counted in it. */
  attemptCount: number;
  paymentIntentId: string | null;
  /** The bank asks the customer for a confirmation. */
  isActionRequired: boolean;
  /** The payment method that the last try failed with; null once one succeeded, and before the first. */
  failedPaymentMethodId: string | null;
  /** Why the last try failed; null once one succeeded, and before the first. */
  declineCode: string | null;
  fetchSequence: number;
}

const columns = `invoice_id as "invoiceId", account_id as "accountId", stripe_subscription_id as "stripeSubscriptionId", number,
  status, billing_reason as "billingReason", total_minor as "totalMinor", amount_due_minor as "amountDueMinor",
  amount_paid_minor as "amountPaidMinor", amount_remaining_minor as "amountRemainingMinor", currency,
  period_start as "periodStart", period_end as "periodEnd", hosted_url as "hostedUrl", pdf_url as "pdfUrl", lines,
  created_at as "createdAt", finalized_at as "finalizedAt", paid_at as "paidAt",
  next_payment_attempt_at as "nextPaymentAttemptAt", automatically_finalizes_at as "automaticallyFinalizesAt",
  auto_advance as "autoAdvance", attempt_count as "attemptCount", payment_intent_id as "paymentIntentId",
  is_action_required as "isActionRequired", failed_payment_method_id as "failedPaymentMethodId", decline_code as "declineCode",
  fetch_sequence as "fetchSequence"`;

export const findInvoice = (q: Queryable, invoiceId: string): Promise<InvoiceRow | null> =>
  q.row("invoices.find", {
    text: `select ${columns} from invoices where invoice_id = $1::text`,
    values: [invoiceId],
  });

/** A page of an account's invoices, the newest first; `after` is the last invoice of the page before. */
export const listInvoices = (
  q: Queryable,
  page: { accountId: string; after: { createdAt: Date; invoiceId: string } | null; limit: number },
): Promise<InvoiceRow[]> =>
  q.rows("invoices.list", {
    text: `select ${columns} from invoices where account_id = $1::text
      and ($2::timestamptz is null or (created_at, invoice_id) < ($2::timestamptz, $3::text))
      order by created_at desc, invoice_id desc limit $4::int`,
    values: [page.accountId, page.after?.createdAt ?? null, page.after?.invoiceId ?? null, page.limit],
  });

/** An account's invoices that are neither paid nor given up. */
export const listOpenInvoices = (q: Queryable, accountId: string): Promise<InvoiceRow[]> =>
  q.rows("invoices.listOpen", {
    text: `select ${columns} from invoices where account_id = $1::text and status in ('draft', 'open')
      order by created_at, invoice_id`,
    values: [accountId],
  });

/** Mirrors an invoice; a row that came from a later fetch is left as it is. @returns 0 when it was. */
export const upsertInvoice = (q: Queryable, row: InvoiceRow): Promise<number> =>
  q.run(
    "invoices.upsert",
    sql`insert into invoices as i (invoice_id, account_id, stripe_subscription_id, number, status, billing_reason, total_minor,
      amount_due_minor, amount_paid_minor, amount_remaining_minor, currency, period_start, period_end, hosted_url, pdf_url,
      lines, created_at, finalized_at, paid_at, next_payment_attempt_at, automatically_finalizes_at, auto_advance,
      attempt_count, payment_intent_id, is_action_required, failed_payment_method_id, decline_code, fetch_sequence)
    values (${row.invoiceId}::text, ${row.accountId}::text, ${row.stripeSubscriptionId}::text, ${row.number}::text,
      ${row.status}::text, ${row.billingReason}::text, ${row.totalMinor}::bigint, ${row.amountDueMinor}::bigint,
      ${row.amountPaidMinor}::bigint, ${row.amountRemainingMinor}::bigint, ${row.currency}::text,
      ${row.periodStart}::timestamptz, ${row.periodEnd}::timestamptz, ${row.hostedUrl}::text, ${row.pdfUrl}::text,
      ${JSON.stringify(row.lines)}::jsonb, ${row.createdAt}::timestamptz, ${row.finalizedAt}::timestamptz,
      ${row.paidAt}::timestamptz, ${row.nextPaymentAttemptAt}::timestamptz, ${row.automaticallyFinalizesAt}::timestamptz,
      ${row.autoAdvance}::boolean, ${row.attemptCount}::int, ${row.paymentIntentId}::text, ${row.isActionRequired}::boolean,
      ${row.failedPaymentMethodId}::text, ${row.declineCode}::text, ${row.fetchSequence}::bigint)
    on conflict (invoice_id) do update set stripe_subscription_id = excluded.stripe_subscription_id, number = excluded.number,
      status = excluded.status, billing_reason = excluded.billing_reason, total_minor = excluded.total_minor,
      amount_due_minor = excluded.amount_due_minor, amount_paid_minor = excluded.amount_paid_minor,
      amount_remaining_minor = excluded.amount_remaining_minor, period_start = excluded.period_start,
      period_end = excluded.period_end, hosted_url = excluded.hosted_url, pdf_url = excluded.pdf_url,
      lines = excluded.lines, finalized_at = excluded.finalized_at, paid_at = excluded.paid_at,
      next_payment_attempt_at = excluded.next_payment_attempt_at,
      automatically_finalizes_at = excluded.automatically_finalizes_at, auto_advance = excluded.auto_advance,
      attempt_count = excluded.attempt_count, payment_intent_id = excluded.payment_intent_id,
      is_action_required = excluded.is_action_required, failed_payment_method_id = excluded.failed_payment_method_id,
      decline_code = excluded.decline_code, fetch_sequence = excluded.fetch_sequence
    where i.fetch_sequence < excluded.fetch_sequence`,
  );

/** Marks an invoice that Stripe no longer knows (a deleted draft) as void. */
export const updateInvoiceMissing = (
  q: Queryable,
  missing: { invoiceId: string; fetchSequence: number },
): Promise<number> =>
  q.run(
    "invoices.updateMissing",
    sql`update invoices set status = 'void', amount_remaining_minor = 0, fetch_sequence = ${missing.fetchSequence}::bigint
    where invoice_id = ${missing.invoiceId}::text and fetch_sequence < ${missing.fetchSequence}::bigint`,
  );

/** What Stripe answered to a payment, ahead of the fetch that tells the rest: nothing is owed any more. */
export const updateInvoicePaid = (q: Queryable, paid: { invoiceId: string; now: Date }): Promise<number> =>
  q.run(
    "invoices.updatePaid",
    sql`update invoices set status = 'paid', amount_paid_minor = amount_due_minor, amount_remaining_minor = 0,
      paid_at = ${paid.now}::timestamptz, decline_code = null, is_action_required = false
    where invoice_id = ${paid.invoiceId}::text and status = 'open'`,
  );
