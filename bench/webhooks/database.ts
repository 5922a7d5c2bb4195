// All that these rows know of our schema, and of the peer's.
import type { Client } from "pg";
import type { SubscriptionState } from "./stripe-side.ts";

export const accountIdOf = (n: number): string => `surge_${n}`;

/** Accounts with a month on Free and the next; and the sweep has nothing to find of what Stripe did before the row. */
export async function prepare(sql: Client, accounts: number): Promise<void> {
  await sql.query(
    `insert into accounts (account_id, free_anchor_at, created_at)
     select 'surge_' || n, now(), now() from generate_series(0, $1::int - 1) as n`,
    [accounts],
  );
  await sql.query(
    `insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version)
     select account_id, created_at + make_interval(months => m), created_at + make_interval(months => m + 1), 'free', 1
     from accounts, generate_series(0, 1) as m where starts_with(account_id, 'surge_')`,
  );
  await sql.query(
    `insert into stripe_event_sweeps (swept_until, swept_at) values (now() + interval '1 hour', now())
     on conflict (is_only) do update set swept_until = excluded.swept_until`,
  );
}

/** Events of a row that were recorded with an effect. */
export async function countRecorded(sql: Client, prefix: string): Promise<number> {
  const { rows } = await sql.query<{ count: string }>(
    "select count(*) from stripe_events where starts_with(event_id, 'evt_' || $1) and outcome = 'applied'",
    [prefix],
  );
  return Number(rows[0]?.count);
}

/** Objects that wait for a fetch. */
export async function countDirty(sql: Client): Promise<number> {
  const { rows } = await sql.query<{ count: string }>(
    "select count(*) from stripe_objects where synced_generation < generation",
  );
  return Number(rows[0]?.count);
}

export async function readMirror(sql: Client): Promise<SubscriptionState[]> {
  const { rows } = await sql.query<SubscriptionState>(
    `select stripe_subscription_id as id, status, cancel_at_period_end as "cancelAtPeriodEnd",
       extract(epoch from period_end)::int as "periodEnd" from user_subscriptions`,
  );
  return rows;
}

/** Its migrations give everything to a role of this name, and where there is none they end halfway without a word. */
export const createPeerRole = (sql: Client) =>
  sql.query(
    "do $$ begin if to_regrole('postgres') is null then create role postgres superuser; end if; end $$",
  );

export async function readPeerMirror(
  sql: Client,
): Promise<Pick<SubscriptionState, "id" | "cancelAtPeriodEnd">[]> {
  const { rows } = await sql.query<Pick<SubscriptionState, "id" | "cancelAtPeriodEnd">>(
    `select id, cancel_at_period_end as "cancelAtPeriodEnd" from stripe.subscriptions`,
  );
  return rows;
}
