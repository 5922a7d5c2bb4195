import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** An invoice that waits to be paid, with the story of its dunning. */
export interface OwedInvoiceRow {
  invoiceId: string;
  number: string | null;
  status: "open" | "uncollectible";
  amountRemainingMinor: number;
  currency: string;
  hostedUrl: string | null;
  isActionRequired: boolean;
  declineCode: string | null;
  isGivenUp: boolean;
  /** It was drawn before its subscription ended. */
  isLeftBehind: boolean;
  /** When Stripe tries again by itself; null where it does not. */
  nextPaymentAttemptAt: Date | null;
  /** Null where no payment of it failed, or the story is over. */
  dunning: { mode: "worker" | "stripe"; firstFailedAt: Date; lastTriedAt: Date } | null;
}

interface Row extends Omit<OwedInvoiceRow, "dunning"> {
  mode: "worker" | "stripe" | null;
  firstFailedAt: Date | null;
  lastTriedAt: Date | null;
}

/** What an account still owes, the oldest first: open invoices, and written off ones that keep a subscription paused. */
export const listOwedInvoices = async (q: Queryable, accountId: string): Promise<OwedInvoiceRow[]> => {
  const rows = await q.rows<Row>(
    "owedInvoices.list",
    sql`select i.invoice_id as "invoiceId", i.number, i.status, i.amount_remaining_minor as "amountRemainingMinor", i.currency,
      i.hosted_url as "hostedUrl", i.is_action_required as "isActionRequired", i.decline_code as "declineCode",
      coalesce(c.state = 'gave_up', false) as "isGivenUp",
      coalesce(i.created_at < s.ended_at, false) as "isLeftBehind",
      i.next_payment_attempt_at as "nextPaymentAttemptAt", c.mode, c.first_failed_at as "firstFailedAt",
      c.last_tried_at as "lastTriedAt"
    from invoices i left join dunning_cases c on c.invoice_id = i.invoice_id
      left join user_subscriptions s on s.stripe_subscription_id = i.stripe_subscription_id
    where i.account_id = ${accountId}::text and i.amount_remaining_minor > 0
      and (i.status = 'open' or (i.status = 'uncollectible' and c.state = 'gave_up' and c.final_step = 'pause'))
    order by i.created_at, i.invoice_id`,
  );
  return rows.map(({ mode, firstFailedAt, lastTriedAt, ...row }) => {
    const isOpen = mode !== null && firstFailedAt !== null && lastTriedAt !== null && !row.isGivenUp;
    return { ...row, dunning: isOpen ? { mode, firstFailedAt, lastTriedAt } : null };
  });
};
