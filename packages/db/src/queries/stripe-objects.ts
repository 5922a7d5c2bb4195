import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface StripeObjectRow {
  objectId: string;
  objectType: string;
  stripeCustomerId: string | null;
  /** Whose it was found to be; null before the first fetch, and where it is none of ours. */
  accountId: string | null;
  /** Rises with each hint. */
  generation: number;
  /** The generation that the newest applied fetch began after; below `generation` the object is dirty. */
  syncedGeneration: number;
  fetchSequence: number;
  isDeleted: boolean;
  /** Why it cannot be applied, until it is marked again or retried. */
  failure: string | null;
}

const columns = `object_id as "objectId", object_type as "objectType", stripe_customer_id as "stripeCustomerId",
  account_id as "accountId", generation,
  synced_generation as "syncedGeneration", fetch_sequence as "fetchSequence", is_deleted as "isDeleted", failure`;

/** What names an object of Stripe; `objectType` is its `object`: "subscription", "invoice", "checkout.session" … */
export interface StripeObjectRef {
  objectId: string;
  objectType: string;
  stripeCustomerId: string | null;
}

/**
 * Says that an object has changed in Stripe, so that it must be fetched again; then add the job sync-stripe-object.
 * @returns its generation: a fetch that began after this call has been applied once syncedGeneration reaches it.
 */
export const markDirty = async (q: Queryable, object: StripeObjectRef & { now: Date }): Promise<number> => {
  const row = await q.row<{ generation: number }>(
    "stripeObjects.markDirty",
    sql`insert into stripe_objects (object_id, object_type, stripe_customer_id, marked_at)
    values (${object.objectId}::text, ${object.objectType}::text, ${object.stripeCustomerId}::text, ${object.now}::timestamptz)
    on conflict (object_id) do update set generation = stripe_objects.generation + 1, marked_at = excluded.marked_at,
      failure = null, stripe_customer_id = coalesce(excluded.stripe_customer_id, stripe_objects.stripe_customer_id)
    returning generation`,
  );
  return row?.generation ?? 0;
};

/** As `markDirty` for several objects, each of them once. In the order of their ids: see there whoever marks several. */
export const markManyDirty = (
  q: Queryable,
  objects: readonly StripeObjectRef[],
  now: Date,
): Promise<number> =>
  q.run(
    "stripeObjects.markManyDirty",
    sql`insert into stripe_objects (object_id, object_type, stripe_customer_id, marked_at)
    select given.*, ${now}::timestamptz from unnest(${objects.map(({ objectId }) => objectId)}::text[],
      ${objects.map(({ objectType }) => objectType)}::text[],
      ${objects.map(({ stripeCustomerId }) => stripeCustomerId)}::text[]) as given (object_id, object_type, stripe_customer_id)
    order by given.object_id collate "C"
    on conflict (object_id) do update set generation = stripe_objects.generation + 1, marked_at = excluded.marked_at,
      failure = null, stripe_customer_id = coalesce(excluded.stripe_customer_id, stripe_objects.stripe_customer_id)`,
  );

export const findStripeObject = (q: Queryable, objectId: string): Promise<StripeObjectRow | null> =>
  q.row("stripeObjects.find", {
    text: `select ${columns} from stripe_objects where object_id = $1::text`,
    values: [objectId],
  });

/** How many customers the account has had that Stripe has deleted, as far as we know. */
export const countDeletedCustomers = async (q: Queryable, accountId: string): Promise<number> => {
  const row = await q.row<{ count: number }>(
    "stripeObjects.countDeletedCustomers",
    sql`select count(*) as count from stripe_objects where account_id = ${accountId}::text
      and object_type = 'customer' and is_deleted`,
  );
  return row?.count ?? 0;
};

/** The customer that the account had and of whose deletion we heard last. */
export const findDeletedCustomer = async (q: Queryable, accountId: string): Promise<string | null> => {
  const row = await q.row<{ objectId: string }>(
    "stripeObjects.findDeletedCustomer",
    sql`select object_id as "objectId" from stripe_objects where account_id = ${accountId}::text
      and object_type = 'customer' and is_deleted order by fetch_sequence desc limit 1`,
  );
  return row?.objectId ?? null;
};

/** Objects marked before `markedBefore` (wall time) that are still dirty and have not failed for good, oldest first. */
export const listDirtyStripeObjects = (
  q: Queryable,
  options: { markedBefore: Date; limit: number },
): Promise<StripeObjectRow[]> =>
  q.rows("stripeObjects.listDirty", {
    text: `select ${columns} from stripe_objects where synced_generation < generation and failure is null
      and marked_at < $1::timestamptz order by marked_at limit $2::int`,
    values: [options.markedBefore, options.limit],
  });

/** How many objects wait for a fetch; one that failed for good waits for nobody. */
export const countDirtyStripeObjects = async (q: Queryable): Promise<number> => {
  const row = await q.row<{ count: number }>(
    "stripeObjects.countDirty",
    sql`select count(*) as count from stripe_objects where synced_generation < generation and failure is null`,
  );
  return row?.count ?? 0;
};

/** The version of what is fetched next; taken under the customer's lease, before the request leaves. */
export const nextFetchSequence = async (q: Queryable): Promise<number> => {
  const row = await q.row<{ sequence: number }>(
    "stripeObjects.nextFetchSequence",
    sql`select nextval('stripe_fetch_sequence') as sequence`,
  );
  if (row === null) throw new Error("the fetch sequence gave no number");
  return row.sequence;
};

/** Records an applied fetch. A generation raised since leaves the object dirty. @returns 0 when a later one was applied. */
export const updateStripeObjectSynced = (
  q: Queryable,
  synced: {
    objectId: string;
    stripeCustomerId: string | null;
    accountId: string | null;
    fetchSequence: number;
    generation: number;
    isDeleted: boolean;
    now: Date;
  },
): Promise<number> =>
  q.run(
    "stripeObjects.updateSynced",
    sql`update stripe_objects set fetch_sequence = ${synced.fetchSequence}::bigint,
      synced_generation = greatest(synced_generation, ${synced.generation}::bigint),
      stripe_customer_id = coalesce(${synced.stripeCustomerId}::text, stripe_customer_id),
      account_id = coalesce(${synced.accountId}::text, account_id),
      is_deleted = ${synced.isDeleted}::boolean, failure = null, synced_at = ${synced.now}::timestamptz
    where object_id = ${synced.objectId}::text and fetch_sequence < ${synced.fetchSequence}::bigint`,
  );

/** Sets an object aside: nobody fetches it again until it is marked or its job retried. */
export const updateStripeObjectFailure = (
  q: Queryable,
  failed: { objectId: string; failure: string },
): Promise<number> =>
  q.run(
    "stripeObjects.updateFailure",
    sql`update stripe_objects set failure = ${failed.failure}::text where object_id = ${failed.objectId}::text`,
  );

/** Remembers whose it is, once a fetch has told. */
export const updateStripeObjectCustomer = (
  q: Queryable,
  object: { objectId: string; stripeCustomerId: string },
): Promise<number> =>
  q.run(
    "stripeObjects.updateCustomer",
    sql`update stripe_objects set stripe_customer_id = ${object.stripeCustomerId}::text where object_id = ${object.objectId}::text`,
  );
