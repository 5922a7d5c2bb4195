import type { Period } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface AccountRow {
  accountId: string;
  name: string | null;
  email: string | null;
  stripeCustomerId: string | null;
  freeAnchorAt: Date;
  /** The version of Free that it was opened with; moves come after it. */
  freePlanVersion: number;
  limitsVersion: number;
  spendCapMinor: number | null;
  createdAt: Date;
  /** Set once it had a trial: it gets no other. */
  trialStartedAt: Date | null;
}

const columns = `account_id as "accountId", name, email, stripe_customer_id as "stripeCustomerId",
  free_anchor_at as "freeAnchorAt", free_plan_version as "freePlanVersion", limits_version as "limitsVersion", spend_cap_minor as "spendCapMinor",
  created_at as "createdAt", trial_started_at as "trialStartedAt"`;

export const findAccount = (q: Queryable, accountId: string): Promise<AccountRow | null> =>
  q.row("accounts.find", {
    text: `select ${columns} from accounts where account_id = $1::text`,
    values: [accountId],
  });

/** The account's row, locked until the transaction ends: whoever changes its plan, periods or limits holds it. */
export const findAccountForUpdate = (q: Queryable, accountId: string): Promise<AccountRow | null> =>
  q.row("accounts.findForUpdate", {
    text: `select ${columns} from accounts where account_id = $1::text for update`,
    values: [accountId],
  });

export const findAccountByCustomer = (q: Queryable, stripeCustomerId: string): Promise<AccountRow | null> =>
  q.row("accounts.findByCustomer", {
    text: `select ${columns} from accounts where stripe_customer_id = $1::text`,
    values: [stripeCustomerId],
  });

/**
 * Opens an account on Free, anchored at `now`, with its first periods (the present one and the next; the caller has
 * them from `initialFreePeriods`). @returns false, and changes nothing, when the account exists.
 */
export async function insertAccount(
  q: Queryable,
  account: {
    accountId: string;
    name: string | null;
    email: string | null;
    now: Date;
    freePlanVersion: number;
    periods: readonly Period[];
  },
): Promise<boolean> {
  const inserted = await q.run(
    "accounts.insert",
    sql`insert into accounts (account_id, name, email, free_anchor_at, free_plan_version, created_at)
    values (${account.accountId}::text, ${account.name}::text, ${account.email}::text, ${account.now}::timestamptz,
      ${account.freePlanVersion}::int, ${account.now}::timestamptz)
    on conflict (account_id) do nothing`,
  );
  if (inserted === 0) return false;
  await q.run(
    "accounts.insertPeriods",
    sql`insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version)
    select ${account.accountId}::text, s, e, 'free', ${account.freePlanVersion}::int
    from unnest(${account.periods.map((period) => period.start)}::timestamptz[], ${account.periods.map((period) => period.end)}::timestamptz[]) as p (s, e)`,
  );
  return true;
}

/** Notes that an account had its trial; the first instant stays. */
export const updateTrialStarted = (q: Queryable, accountId: string, startedAt: Date): Promise<number> =>
  q.run(
    "accounts.updateTrialStarted",
    sql`update accounts set trial_started_at = ${startedAt}::timestamptz
    where account_id = ${accountId}::text and trial_started_at is null`,
  );

/** Ties an account to its customer in Stripe, once. @returns how many rows changed: 0 when it has one already. */
export const updateAccountCustomer = (
  q: Queryable,
  accountId: string,
  stripeCustomerId: string,
): Promise<number> =>
  q.run(
    "accounts.updateCustomer",
    sql`update accounts set stripe_customer_id = ${stripeCustomerId}::text
    where account_id = ${accountId}::text and stripe_customer_id is null`,
  );

/** Unties whichever account has this customer: Stripe has deleted it, and what is bought next needs another one. */
export const deleteAccountCustomer = (q: Queryable, stripeCustomerId: string): Promise<number> =>
  q.run(
    "accounts.deleteCustomer",
    sql`update accounts set stripe_customer_id = null where stripe_customer_id = ${stripeCustomerId}::text`,
  );

/** Marks the account's limits as changed, so that they are pushed to Redis. @returns the new version. */
export const updateLimitsVersion = async (q: Queryable, accountId: string): Promise<number> => {
  const row = await q.row<{ version: number }>(
    "accounts.updateLimitsVersion",
    sql`update accounts set limits_version = limits_version + 1 where account_id = ${accountId}::text
    returning limits_version as version`,
  );
  return row?.version ?? 0;
};

/** Sets what the account is willing to pay past its quotas, and marks its limits as changed where that is new. */
export const updateSpendCap = (
  q: Queryable,
  accountId: string,
  spendCapMinor: number | null,
): Promise<number> =>
  q.run(
    "accounts.updateSpendCap",
    sql`update accounts set spend_cap_minor = ${spendCapMinor}::bigint, limits_version = limits_version + 1
    where account_id = ${accountId}::text and spend_cap_minor is distinct from ${spendCapMinor}::bigint`,
  );

/**
 * Accounts, the newest first, those that come after `after`; with `search`, those whose id, name or mail address contains
 * it, and the one of that Stripe customer.
 */
export const listAccounts = (
  q: Queryable,
  page: { search: string | null; limit: number; after: { at: Date; id: string } | null },
): Promise<AccountRow[]> =>
  q.rows("accounts.list", {
    text: `select ${columns} from accounts
      where ($1::timestamptz is null or (created_at, account_id) < ($1::timestamptz, $2::text))
      and ($3::text is null or stripe_customer_id = $3::text
        or strpos(lower(concat_ws(' ', account_id, name, email)), lower($3::text)) > 0)
      order by created_at desc, account_id desc limit $4::int`,
    values: [page.after?.at ?? null, page.after?.id ?? null, page.search, page.limit],
  });
