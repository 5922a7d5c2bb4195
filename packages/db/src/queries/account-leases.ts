import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/**
 * Takes the lease for `ttlMs` of the server's own time where it is free, over, or the holder's own. @returns whether
 * the holder has it now.
 */
export const claimLease = async (
  q: Queryable,
  lease: { accountId: string; holder: string; ttlMs: number },
): Promise<boolean> =>
  (await q.run(
    "accountLeases.claim",
    sql`insert into account_leases as l (account_id, holder, leased_until)
    values (${lease.accountId}::text, ${lease.holder}::text, clock_timestamp() + ${lease.ttlMs}::int * interval '1 ms')
    on conflict (account_id) do update set holder = excluded.holder, leased_until = excluded.leased_until
    where l.leased_until <= clock_timestamp() or l.holder = excluded.holder`,
  )) === 1;

/** Holds on to it for another `ttlMs`; nothing happens where another holds it by now, or it was given back. */
export const updateLeaseRenewed = (
  q: Queryable,
  lease: { accountId: string; holder: string; ttlMs: number },
): Promise<number> =>
  q.run(
    "accountLeases.updateRenewed",
    sql`update account_leases set leased_until = clock_timestamp() + ${lease.ttlMs}::int * interval '1 ms'
    where account_id = ${lease.accountId}::text and holder = ${lease.holder}::text`,
  );

/** Gives the lease back; nothing happens where another holds it by now. */
export const deleteLease = (q: Queryable, lease: { accountId: string; holder: string }): Promise<number> =>
  q.run(
    "accountLeases.delete",
    sql`delete from account_leases where account_id = ${lease.accountId}::text and holder = ${lease.holder}::text`,
  );
