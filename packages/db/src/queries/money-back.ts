import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface RefundedChargeRow {
  chargeId: string;
  accountId: string;
  invoiceId: string | null;
  amountMinor: number;
  refundedMinor: number;
  currency: string;
  fetchSequence: number;
}

/** A dispute as Stripe last told it. */
export interface DisputeRow {
  disputeId: string;
  accountId: string;
  chargeId: string;
  invoiceId: string | null;
  /** Stripe's: "needs_response", "under_review", "won", "lost", "warning_…" … */
  status: string;
  reason: string;
  amountMinor: number;
  currency: string;
  /** Until when Stripe takes evidence; null where it takes none. */
  evidenceDueAt: Date | null;
  openedAt: Date;
  fetchSequence: number;
}

const disputeColumns = `dispute_id as "disputeId", account_id as "accountId", charge_id as "chargeId", invoice_id as "invoiceId",
  status, reason, amount_minor as "amountMinor", currency, evidence_due_at as "evidenceDueAt", opened_at as "openedAt"`;

/** Mirrors a charge of which money went back. @returns 0 where the row came from a later fetch. */
export const upsertRefundedCharge = (q: Queryable, row: RefundedChargeRow): Promise<number> =>
  q.run(
    "moneyBack.upsertRefundedCharge",
    sql`insert into refunded_charges as r (charge_id, account_id, invoice_id, amount_minor, refunded_minor, currency, fetch_sequence)
    values (${row.chargeId}::text, ${row.accountId}::text, ${row.invoiceId}::text, ${row.amountMinor}::bigint,
      ${row.refundedMinor}::bigint, ${row.currency}::text, ${row.fetchSequence}::bigint)
    on conflict (charge_id) do update set invoice_id = excluded.invoice_id, refunded_minor = excluded.refunded_minor,
      fetch_sequence = excluded.fetch_sequence
    where r.fetch_sequence < excluded.fetch_sequence`,
  );

/** Mirrors a dispute. @returns 0 where the row came from a later fetch. */
export const upsertDispute = (q: Queryable, row: DisputeRow): Promise<number> =>
  q.run(
    "moneyBack.upsertDispute",
    sql`insert into disputes as d (dispute_id, account_id, charge_id, invoice_id, status, reason, amount_minor, currency,
      evidence_due_at, opened_at, fetch_sequence)
    values (${row.disputeId}::text, ${row.accountId}::text, ${row.chargeId}::text, ${row.invoiceId}::text, ${row.status}::text,
      ${row.reason}::text, ${row.amountMinor}::bigint, ${row.currency}::text, ${row.evidenceDueAt}::timestamptz,
      ${row.openedAt}::timestamptz, ${row.fetchSequence}::bigint)
    on conflict (dispute_id) do update set invoice_id = excluded.invoice_id, status = excluded.status,
      reason = excluded.reason, amount_minor = excluded.amount_minor, evidence_due_at = excluded.evidence_due_at,
      fetch_sequence = excluded.fetch_sequence
    where d.fetch_sequence < excluded.fetch_sequence`,
  );

/** Whether a dispute of the account is undecided or lost; one about a subscription that ended counts no more. */
export const isAccountDisputed = async (q: Queryable, accountId: string): Promise<boolean> =>
  (await q.row(
    "moneyBack.isAccountDisputed",
    sql`select 1 from disputes d left join invoices i on i.invoice_id = d.invoice_id
      left join user_subscriptions s on s.stripe_subscription_id = i.stripe_subscription_id
    where d.account_id = ${accountId}::text and d.status not in ('won', 'warning_closed', 'prevented') and s.ended_at is null
    limit 1`,
  )) !== null;

/** A page of all disputes, the newest first. */
export const listDisputes = (
  q: Queryable,
  page: { limit: number; after: { at: Date; id: string } | null },
): Promise<Omit<DisputeRow, "fetchSequence">[]> =>
  q.rows("moneyBack.listDisputes", {
    text: `select ${disputeColumns} from disputes
      where $1::timestamptz is null or (opened_at, dispute_id) < ($1::timestamptz, $2::text)
      order by opened_at desc, dispute_id desc limit $3::int`,
    values: [page.after?.at ?? null, page.after?.id ?? null, page.limit],
  });

/** What went back of invoices, in minor units; an invoice of which nothing did is left out. */
export const listRefundedMinor = (
  q: Queryable,
  invoiceIds: readonly string[],
): Promise<{ invoiceId: string; refundedMinor: number }[]> =>
  q.rows(
    "moneyBack.listRefundedMinor",
    sql`select invoice_id as "invoiceId", sum(refunded_minor)::bigint as "refundedMinor" from refunded_charges
    where invoice_id = any(${invoiceIds}::text[]) group by invoice_id having sum(refunded_minor) > 0`,
  );
