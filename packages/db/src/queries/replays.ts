import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface RecordedEventRow {
  eventId: string;
  type: string;
  apiVersion: string | null;
  objectId: string;
  objectType: string;
  customerId: string | null;
}

/** The events that are recorded of an account's objects, as they were recorded. */
export const listRecordedEvents = (q: Queryable, accountId: string): Promise<RecordedEventRow[]> =>
  q.rows(
    "replays.listRecordedEvents",
    sql`select e.event_id as "eventId", e.type, e.api_version as "apiVersion", e.object_id as "objectId",
      coalesce(o.object_type, 'payment_method') as "objectType",
      coalesce(o.stripe_customer_id, a.stripe_customer_id) as "customerId"
    from stripe_events e left join stripe_objects o on o.object_id = e.object_id
      left join payment_methods p on p.payment_method_id = e.object_id
      join accounts a on a.account_id = ${accountId}::text
    where o.account_id = ${accountId}::text or p.account_id = ${accountId}::text
      or o.stripe_customer_id = a.stripe_customer_id or o.stripe_customer_id in (
        select object_id from stripe_objects where object_type = 'customer' and account_id = ${accountId}::text)
    order by e.recorded_at, e.event_id`,
  );

/** The accounts that have, or had, one of these customers. */
export const listAccountsOfCustomers = async (
  q: Queryable,
  stripeCustomerIds: readonly string[],
): Promise<string[]> => {
  const rows = await q.rows<{ accountId: string }>(
    "replays.listAccountsOfCustomers",
    sql`select account_id as "accountId" from accounts where stripe_customer_id = any(${stripeCustomerIds}::text[])
    union select account_id from stripe_objects
      where object_id = any(${stripeCustomerIds}::text[]) and account_id is not null
    order by 1`,
  );
  return rows.map(({ accountId }) => accountId);
};

export interface MirroredRow {
  kind: "account" | "subscription" | "invoice" | "payment method" | "refunded charge" | "dispute";
  id: string;
  accountId: string;
  /** Every column that says something of Stripe, by its name. */
  fields: Readonly<Record<string, unknown>>;
}

/** All that is mirrored of these accounts; what only orders our fetches is left out. */
export const listMirroredRows = (q: Queryable, accountIds: readonly string[]): Promise<MirroredRow[]> =>
  q.rows(
    "replays.listMirroredRows",
    sql`with given as (select unnest(${accountIds}::text[]) as account_id)
    select 'account' as kind, account_id as id, account_id as "accountId",
      jsonb_build_object('stripe_customer_id', stripe_customer_id, 'trial_started_at', trial_started_at) as fields
    from accounts join given using (account_id)
    union all select 'subscription', stripe_subscription_id, account_id, to_jsonb(t) - 'fetch_sequence'
      from user_subscriptions t join given using (account_id)
    union all select 'invoice', invoice_id, account_id, to_jsonb(t) - 'fetch_sequence'
      from invoices t join given using (account_id)
    union all select 'payment method', payment_method_id, account_id, to_jsonb(t) - array['fetch_sequence', 'renewed_at']
      from payment_methods t join given using (account_id)
    union all select 'refunded charge', charge_id, account_id, to_jsonb(t) - 'fetch_sequence'
      from refunded_charges t join given using (account_id)
    union all select 'dispute', dispute_id, account_id, to_jsonb(t) - 'fetch_sequence'
      from disputes t join given using (account_id)
    order by 1, 2`,
  );

/**
 * Of these accounts' objects those that cannot be read as they were: what Stripe no longer has, and money back of a
 * customer that the account has no more, whose account nothing at Stripe names.
 */
export const listUnreadableObjects = async (
  q: Queryable,
  of: { accountIds: readonly string[]; stripeCustomerIds: readonly string[] },
): Promise<string[]> => {
  const rows = await q.rows<{ objectId: string }>(
    "replays.listUnreadableObjects",
    sql`select object_id as "objectId" from stripe_objects
    where account_id = any(${of.accountIds}::text[]) and (is_deleted or (object_type in ('charge', 'dispute')
      and not coalesce(stripe_customer_id = any(${of.stripeCustomerIds}::text[]), false)))`,
  );
  return rows.map(({ objectId }) => objectId);
};

/** Every object that a replay fetched, or was to fetch. */
export const listReachedObjects = async (q: Queryable): Promise<string[]> => {
  const rows = await q.rows<{ objectId: string }>(
    "replays.listReachedObjects",
    sql`select object_id as "objectId" from stripe_objects`,
  );
  return rows.map(({ objectId }) => objectId);
};

/** What an installation is set up with, each table after those that it refers to. */
const setUpTables = ["installation", "metrics", "subscription_plans", "plan_limits"] as const;

/** Gives an empty database the set-up of another: its binding, its metrics and its plans with their prices. */
export async function copySetUp(from: Queryable, to: Queryable): Promise<void> {
  for (const table of setUpTables) {
    const found = await from.row<{ rows: unknown }>("replays.readSetUp", {
      text: `select coalesce(json_agg(t), '[]') as rows from ${table} t`,
      values: [],
    });
    await to.run("replays.writeSetUp", {
      text: `insert into ${table} select * from json_populate_recordset(null::${table}, $1::json) on conflict do nothing`,
      values: [JSON.stringify(found?.rows ?? [])],
    });
  }
}

const givenUpColumns = `invoice_id, account_id, stripe_subscription_id, state, mode, attempts, seen_payment_method_ids,
  first_failed_at, last_tried_at, settled_at, final_step`;

/** Gives the cases that dunning gave up, which is an act of ours, to another database that has their invoices. */
export async function copyGivenUpCases(
  from: Queryable,
  to: Queryable,
  accountIds: readonly string[],
): Promise<void> {
  const found = await from.row<{ rows: unknown }>("replays.readGivenUpCases", {
    text: `select coalesce(json_agg(c), '[]') as rows from (select ${givenUpColumns} from dunning_cases
      where state = 'gave_up' and account_id = any($1::text[])) c`,
    values: [accountIds],
  });
  await to.run("replays.writeGivenUpCases", {
    text: `insert into dunning_cases (${givenUpColumns}) select ${givenUpColumns}
      from json_populate_recordset(null::dunning_cases, $1::json) where invoice_id in (select invoice_id from invoices)
      on conflict (invoice_id) do update set state = excluded.state, final_step = excluded.final_step,
        settled_at = excluded.settled_at, next_step_at = null`,
    values: [JSON.stringify(found?.rows ?? [])],
  });
}
