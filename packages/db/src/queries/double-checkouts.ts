import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface DoubleCheckoutRow {
  stripeSubscriptionId: string;
  keptSubscriptionId: string;
  accountId: string;
}

/** Decides that a subscription goes and which one stays, once: a later call changes nothing. */
export const insertDoubleCheckout = (
  q: Queryable,
  found: DoubleCheckoutRow & { now: Date },
): Promise<number> =>
  q.run(
    "doubleCheckouts.insert",
    sql`insert into double_checkouts (stripe_subscription_id, kept_subscription_id, account_id, found_at)
    values (${found.stripeSubscriptionId}::text, ${found.keptSubscriptionId}::text, ${found.accountId}::text, ${found.now}::timestamptz)
    on conflict (stripe_subscription_id) do nothing`,
  );

/** Those of an account that are not refunded yet. */
export const listOpenDoubleCheckouts = (q: Queryable, accountId: string): Promise<DoubleCheckoutRow[]> =>
  q.rows(
    "doubleCheckouts.listOpen",
    sql`select stripe_subscription_id as "stripeSubscriptionId", kept_subscription_id as "keptSubscriptionId",
      account_id as "accountId"
    from double_checkouts where account_id = ${accountId}::text and settled_at is null order by stripe_subscription_id`,
  );

export const listAccountsWithOpenDoubleCheckouts = async (q: Queryable): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "doubleCheckouts.listAccounts",
    sql`select distinct account_id as "accountId" from double_checkouts where settled_at is null`,
  );
  return rows.map((row) => row.accountId);
};

/** @returns 0 when it was settled before. */
export const updateDoubleCheckoutSettled = (
  q: Queryable,
  settled: { stripeSubscriptionId: string; refundedAmountMinor: number; currency: string | null; now: Date },
): Promise<number> =>
  q.run(
    "doubleCheckouts.updateSettled",
    sql`update double_checkouts set refunded_amount_minor = ${settled.refundedAmountMinor}::bigint,
      currency = ${settled.currency}::text, settled_at = ${settled.now}::timestamptz
    where stripe_subscription_id = ${settled.stripeSubscriptionId}::text and settled_at is null`,
  );
