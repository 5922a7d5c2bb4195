import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** Remembers a card that the customer entered, once for each cause. @returns 0 where it was known. */
export const insertNewCard = (
  q: Queryable,
  card: { causeId: string; accountId: string; paymentMethodId: string; chosenAt: Date },
): Promise<number> =>
  q.run(
    "newCards.insert",
    sql`insert into new_cards (cause_id, account_id, payment_method_id, chosen_at)
    values (${card.causeId}::text, ${card.accountId}::text, ${card.paymentMethodId}::text, ${card.chosenAt}::timestamptz)
    on conflict (cause_id) do nothing`,
  );

export interface NewCardRow {
  causeId: string;
  paymentMethodId: string;
  chosenAt: Date;
}

/** The account's newest card that is not adopted yet; null where a newer one was adopted, or there is none. */
export const findCardToAdopt = (q: Queryable, accountId: string): Promise<NewCardRow | null> =>
  q.row(
    "newCards.findToAdopt",
    sql`select cause_id as "causeId", payment_method_id as "paymentMethodId", chosen_at as "chosenAt" from (
      select * from new_cards where account_id = ${accountId}::text order by chosen_at desc, noted_order desc limit 1) newest
    where adopted_at is null`,
  );

/** Settles the account's cards chosen by `chosenAt`, or all where it is null: none is made the default any more. */
export const updateCardsAdopted = (
  q: Queryable,
  adopted: { accountId: string; chosenAt: Date | null; now: Date },
): Promise<number> =>
  q.run(
    "newCards.updateAdopted",
    sql`update new_cards set adopted_at = ${adopted.now}::timestamptz where account_id = ${adopted.accountId}::text
      and adopted_at is null and (${adopted.chosenAt}::timestamptz is null or chosen_at <= ${adopted.chosenAt}::timestamptz)`,
  );

/** Accounts with a card to adopt; what breaks off is due again `wallNow` + 30 s. Wall time. */
export const claimAccountsWithNewCard = async (
  q: Queryable,
  wallNow: Date,
  limit: number,
): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "newCards.claimAccounts",
    sql`update new_cards set next_try_at = ${wallNow}::timestamptz + interval '30 seconds'
    where cause_id in (select cause_id from new_cards where adopted_at is null and next_try_at <= ${wallNow}::timestamptz
      order by next_try_at limit ${limit}::int for update skip locked)
    returning account_id as "accountId"`,
  );
  return [...new Set(rows.map((row) => row.accountId))];
};
