import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface PaymentMethodRow {
  paymentMethodId: string;
  brand: string | null;
  last4: string | null;
  expMonth: number | null;
  expYear: number | null;
  /** The one that the customer's invoices are paid with, unless a subscription names its own. */
  isDefault: boolean;
}

/** An account's payment methods, the default one first. */
export const listPaymentMethods = (q: Queryable, accountId: string): Promise<PaymentMethodRow[]> =>
  q.rows(
    "paymentMethods.list",
    sql`select payment_method_id as "paymentMethodId", brand, last4, exp_month as "expMonth", exp_year as "expYear",
      is_default as "isDefault"
    from payment_methods where account_id = ${accountId}::text order by is_default desc, payment_method_id`,
  );

/**
 * Makes an account's payment methods exactly these: one that was detached is gone.
 * @returns those that were renewed: known before with another expiry or number.
 */
export async function replacePaymentMethods(
  q: Queryable,
  given: { accountId: string; methods: readonly PaymentMethodRow[]; fetchSequence: number; now: Date },
): Promise<string[]> {
  const { accountId, methods, fetchSequence, now } = given;
  const before = new Map((await listPaymentMethods(q, accountId)).map((row) => [row.paymentMethodId, row]));
  const renewed = methods.filter((method) => isRenewed(before.get(method.paymentMethodId), method));
  await q.run(
    "paymentMethods.deleteOthers",
    sql`delete from payment_methods where account_id = ${accountId}::text
      and payment_method_id <> all (${methods.map((method) => method.paymentMethodId)}::text[])`,
  );
  for (const method of methods) {
    await q.run(
      "paymentMethods.upsert",
      sql`insert into payment_methods (payment_method_id, account_id, brand, last4, exp_month, exp_year, is_default, renewed_at, fetch_sequence)
      values (${method.paymentMethodId}::text, ${accountId}::text, ${method.brand}::text, ${method.last4}::text,
        ${method.expMonth}::int, ${method.expYear}::int, ${method.isDefault}::boolean, ${renewed.includes(method) ? now : null}::timestamptz, ${fetchSequence}::bigint)
      on conflict (payment_method_id) do update set account_id = excluded.account_id, brand = excluded.brand,
        last4 = excluded.last4, exp_month = excluded.exp_month, exp_year = excluded.exp_year,
        is_default = excluded.is_default,
        renewed_at = coalesce(excluded.renewed_at, payment_methods.renewed_at), fetch_sequence = excluded.fetch_sequence`,
    );
  }
  return renewed.map((method) => method.paymentMethodId);
}

const isRenewed = (before: PaymentMethodRow | undefined, after: PaymentMethodRow): boolean =>
  before !== undefined &&
  (before.expYear !== after.expYear || before.expMonth !== after.expMonth || before.last4 !== after.last4);
