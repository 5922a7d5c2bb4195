import { AppError } from "@driftlock/contracts";
import { accountLeases, type Db } from "@driftlock/db";
import { leaseTtlMs, withRenewedLease } from "@driftlock/runtime";
import { waitUntil } from "./wait-until.ts";

/** Above what a holder that died keeps the lease for. */
const waitMs = 10_000;

/** Runs `work` while nobody else runs one for the account. @throws UNAVAILABLE when it is not free within 10 s. */
export type WithAccountLease = <T>(accountId: string, work: () => Promise<T>) => Promise<T>;

/**
 * Keeps the read-decide-change of an account's subscription at Stripe from running twice at once, without a
 * transaction that spans the calls. Should a holder be held up until its lease runs out, both act: every step reads
 * Stripe's present state first and asks for a state, not for a difference, so the later one wins whole.
 */
export const createWithAccountLease =
  ({ db, makeHolder }: { db: Db; makeHolder: () => string }): WithAccountLease =>
  async (accountId, work) => {
    const lease = { accountId, holder: makeHolder() };
    if (!(await waitUntil(waitMs, () => accountLeases.claimLease(db, { ...lease, ttlMs: leaseTtlMs })))) {
      throw new AppError(
        "UNAVAILABLE",
        "Another change of this account's subscription is under way; try again.",
      );
    }
    return withRenewedLease(
      {
        renew: () => accountLeases.updateLeaseRenewed(db, { ...lease, ttlMs: leaseTtlMs }),
        release: () => accountLeases.deleteLease(db, lease),
      },
      work,
    );
  };
