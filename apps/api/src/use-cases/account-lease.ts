import { AppError } from "@driftlock/contracts";
import { accountLeases, type Db } from "@driftlock/db";
import { waitUntil } from "./wait-until.ts";

/** Longer than the calls to Stripe under it can take; so long is an account blocked by a process that died. */
const leaseMs = 60_000;
const waitMs = 10_000;

/** Runs `work` while nobody else runs one for the account. @throws UNAVAILABLE when it is not free within 10 s. */
export type WithAccountLease = <T>(accountId: string, work: () => Promise<T>) => Promise<T>;

/**
 * Keeps the read-decide-change of an account's subscription at Stripe from running twice at once, without a
 * transaction that spans the calls. Should a holder be so slow that its lease runs out, both act: every step reads
 * Stripe's present state first and asks for a state, not for a difference, so the later one wins whole.
 */
export const createWithAccountLease =
  ({
    db,
    wallNow,
    makeHolder,
  }: {
    db: Db;
    wallNow: () => Date;
    makeHolder: () => string;
  }): WithAccountLease =>
  async (accountId, work) => {
    const holder = makeHolder();
    const claimed = await waitUntil(waitMs, () => {
      const now = wallNow();
      const leasedUntil = new Date(now.getTime() + leaseMs);
      return accountLeases.claimLease(db, { accountId, holder, wallNow: now, leasedUntil });
    });
    if (!claimed) {
      throw new AppError(
        "UNAVAILABLE",
        "Another change of this account's subscription is under way; try again.",
      );
    }
    try {
      return await work();
    } finally {
      await accountLeases.deleteLease(db, accountId, holder);
    }
  };
