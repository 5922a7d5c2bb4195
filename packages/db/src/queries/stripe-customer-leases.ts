import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/**
 * The lease on a customer's objects, for `ttlMs` of the server's own time: the one clock that all holders share.
 * @returns the fence of this holding, or null while somebody else holds it.
 */
export const claimLease = async (
  q: Queryable,
  lease: { stripeCustomerId: string; holder: string; ttlMs: number },
): Promise<number | null> => {
  const row = await q.row<{ fence: number }>(
    "stripeCustomerLeases.claim",
    sql`insert into stripe_customer_leases as l (stripe_customer_id, holder, fence, leased_until)
    values (${lease.stripeCustomerId}::text, ${lease.holder}::text, 1, clock_timestamp() + ${lease.ttlMs}::int * interval '1 ms')
    on conflict (stripe_customer_id) do update set holder = excluded.holder, fence = l.fence + 1, leased_until = excluded.leased_until
      where l.leased_until < clock_timestamp()
    returning fence`,
  );
  return row?.fence ?? null;
};

/**
 * Whether the lease is still this holding's. The row stays locked until the transaction ends, so that nobody takes it
 * over between this check and the commit; a lease that ran out and was not taken is as good as held.
 */
export const isLeaseHeld = async (
  q: Queryable,
  lease: { stripeCustomerId: string; fence: number },
): Promise<boolean> => {
  const row = await q.row(
    "stripeCustomerLeases.findForShare",
    sql`select 1 from stripe_customer_leases where stripe_customer_id = ${lease.stripeCustomerId}::text
      and fence = ${lease.fence}::bigint for share`,
  );
  return row !== null;
};

/** Holds on to it for another `ttlMs`; without effect once it was given back, or somebody else has it. */
export const updateLeaseRenewed = (
  q: Queryable,
  lease: { stripeCustomerId: string; fence: number; ttlMs: number },
): Promise<number> =>
  q.run(
    "stripeCustomerLeases.updateRenewed",
    sql`update stripe_customer_leases set leased_until = clock_timestamp() + ${lease.ttlMs}::int * interval '1 ms'
    where stripe_customer_id = ${lease.stripeCustomerId}::text and fence = ${lease.fence}::bigint
      and leased_until > '-infinity'`,
  );

/** Gives the lease back early; without effect once somebody else has it. */
export const updateLeaseReleased = (
  q: Queryable,
  lease: { stripeCustomerId: string; fence: number },
): Promise<number> =>
  q.run(
    "stripeCustomerLeases.updateReleased",
    sql`update stripe_customer_leases set leased_until = '-infinity'
    where stripe_customer_id = ${lease.stripeCustomerId}::text and fence = ${lease.fence}::bigint`,
  );
