import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** Takes the lease where it is free, over, or the holder's own. @returns whether the holder has it now. Wall time. */
export const claimLease = async (
  q: Queryable,
  lease: { accountId: string; holder: string; wallNow: Date; leasedUntil: Date },
): Promise<boolean> =>
  (await q.run(
    "accountLeases.claim",
    sql`insert into account_leases as l (account_id, holder, leased_until)
    values (${lease.accountId}::text, ${lease.holder}::text, ${lease.leasedUntil}::timestamptz)
    on conflict (account_id) do update set holder = excluded.holder, leased_until = excluded.leased_until
    where l.leased_until <= ${lease.wallNow}::timestamptz or l.holder = excluded.holder`,
  )) === 1;

/** Gives the lease back; nothing happens where another holds it by now. */
export const deleteLease = (q: Queryable, accountId: string, holder: string): Promise<number> =>
  q.run(
    "accountLeases.delete",
    sql`delete from account_leases where account_id = ${accountId}::text and holder = ${holder}::text`,
  );
