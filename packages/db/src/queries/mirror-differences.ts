import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** An object of Stripe that is not as its mirror, or our catalogue, says. */
export interface MirrorDifferenceRow {
  objectId: string;
  objectType: string;
  accountId: string | null;
  difference: string;
  /** In how many walks in a row. */
  looks: number;
  since: Date;
  seenAt: Date;
}

/** Notes a difference that a walk saw. @returns in how many walks in a row by now. */
export const upsertDifference = async (
  q: Queryable,
  seen: Pick<MirrorDifferenceRow, "objectId" | "objectType" | "accountId" | "difference"> & { now: Date },
): Promise<number> => {
  const row = await q.row<{ looks: number }>(
    "mirrorDifferences.upsert",
    sql`insert into mirror_differences as d (object_id, object_type, account_id, difference, since, seen_at)
    values (${seen.objectId}::text, ${seen.objectType}::text, ${seen.accountId}::text, ${seen.difference}::text,
      ${seen.now}::timestamptz, ${seen.now}::timestamptz)
    on conflict (object_id) do update set object_type = excluded.object_type, account_id = excluded.account_id,
      difference = excluded.difference, looks = d.looks + 1, seen_at = excluded.seen_at
    returning looks`,
  );
  return row?.looks ?? 0;
};

/** Forgets what differs no more. */
export const deleteDifferences = (q: Queryable, objectIds: readonly string[]): Promise<number> =>
  q.run(
    "mirrorDifferences.deleteMany",
    sql`delete from mirror_differences where object_id = any(${objectIds}::text[])`,
  );

/** Forgets what a whole walk of a type has not seen: the object is no longer listed. */
export const deleteUnseen = (q: Queryable, objectType: string, seenBefore: Date): Promise<number> =>
  q.run(
    "mirrorDifferences.deleteUnseen",
    sql`delete from mirror_differences where object_type = ${objectType}::text and seen_at < ${seenBefore}::timestamptz`,
  );

/** Differences that a repair, or the time for one, did not end. */
export const countLasting = async (q: Queryable): Promise<number> => {
  const row = await q.row<{ count: number }>(
    "mirrorDifferences.countLasting",
    sql`select count(*) as count from mirror_differences where looks > 1`,
  );
  return row?.count ?? 0;
};

/** The oldest first. */
export const listDifferences = (q: Queryable, limit: number): Promise<MirrorDifferenceRow[]> =>
  q.rows(
    "mirrorDifferences.list",
    sql`select object_id as "objectId", object_type as "objectType", account_id as "accountId", difference, looks, since,
      seen_at as "seenAt" from mirror_differences order by since, object_id limit ${limit}::int`,
  );

/** What a mirrored subscription is compared by. */
export interface MirroredSubscriptionRow {
  stripeSubscriptionId: string;
  accountId: string;
  status: string;
  planId: string;
  planVersion: number;
  periodStart: Date;
  periodEnd: Date;
  cancelAtPeriodEnd: boolean;
  cancelAt: Date | null;
}

/** Mirrors of these subscriptions. */
export const listMirroredSubscriptions = (
  q: Queryable,
  ids: readonly string[],
): Promise<MirroredSubscriptionRow[]> =>
  q.rows(
    "mirrorDifferences.listSubscriptions",
    sql`select stripe_subscription_id as "stripeSubscriptionId", account_id as "accountId", status, plan_id as "planId",
      plan_version as "planVersion", period_start as "periodStart", period_end as "periodEnd",
      cancel_at_period_end as "cancelAtPeriodEnd", cancel_at as "cancelAt"
    from user_subscriptions where stripe_subscription_id = any(${ids}::text[])`,
  );

/** An account with the customer that it is tied to. */
export interface TiedAccountRow {
  accountId: string;
  stripeCustomerId: string | null;
}

/** The accounts of these ids, and those that are tied to these customers. */
export const listTiedAccounts = (
  q: Queryable,
  of: { accountIds: readonly string[]; stripeCustomerIds: readonly string[] },
): Promise<TiedAccountRow[]> =>
  q.rows(
    "mirrorDifferences.listTiedAccounts",
    sql`select account_id as "accountId", stripe_customer_id as "stripeCustomerId" from accounts
    where account_id = any(${of.accountIds}::text[]) or stripe_customer_id = any(${of.stripeCustomerIds}::text[])`,
  );

/** Which of these objects are about to be fetched, so that there is nothing to compare yet. */
export const listUnsynced = async (q: Queryable, objectIds: readonly string[]): Promise<string[]> => {
  const rows = await q.rows<{ objectId: string }>(
    "mirrorDifferences.listUnsynced",
    sql`select object_id as "objectId" from stripe_objects where object_id = any(${objectIds}::text[])
      and synced_generation < generation and failure is null`,
  );
  return rows.map(({ objectId }) => objectId);
};

/** Keeps differences of objects that are about to be fetched: that decides. */
export const updateSeen = (q: Queryable, objectIds: readonly string[], now: Date): Promise<number> =>
  q.run(
    "mirrorDifferences.updateSeen",
    sql`update mirror_differences set seen_at = ${now}::timestamptz where object_id = any(${objectIds}::text[])`,
  );
