import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** What decides which invoice usage of a period goes on. */
export interface LateBillingRow {
  accountId: string;
  startMs: number;
  stripeSubscriptionId: string;
  isEnded: boolean;
  /** When the subscription's next invoice is due. */
  nextInvoiceAt: Date;
  /** The draft that bills the period, while it takes usage. */
  draftInvoiceId: string | null;
  /** Whether what that draft bills is frozen, so that it takes only what waits for drafts. */
  isFrozen: boolean;
}

/** For these periods of subscriptions; others are left out. */
export const listLateBilling = (
  q: Queryable,
  periods: readonly { accountId: string; startMs: number }[],
): Promise<LateBillingRow[]> =>
  q.rows(
    "lateBilling.list",
    sql`select p.account_id as "accountId", (extract(epoch from p.period_start) * 1000)::bigint as "startMs",
      p.stripe_subscription_id as "stripeSubscriptionId", s.status in ('canceled', 'incomplete_expired') as "isEnded",
      s.period_end as "nextInvoiceAt", c.invoice_id as "draftInvoiceId",
      coalesce(c.state in ('verifying', 'finalizing'), false) as "isFrozen"
    from unnest(${periods.map(({ accountId }) => accountId)}::text[],
      ${periods.map(({ startMs }) => new Date(startMs))}::timestamptz[]) as w (account_id, period_start)
    join usage_periods p on p.account_id = w.account_id and p.period_start = w.period_start
    join user_subscriptions s on s.stripe_subscription_id = p.stripe_subscription_id
    left join period_closes c on c.stripe_subscription_id = p.stripe_subscription_id and c.closed_at is null
      and c.invoice_id is not null and p.period_end > c.period_start and p.period_end <= c.period_end`,
  );
