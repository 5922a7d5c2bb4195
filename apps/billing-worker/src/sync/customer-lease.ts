import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@driftlock/contracts";
import { type Db, stripeCustomerLeases } from "@driftlock/db";
import { leaseTtlMs, withRenewedLease } from "@driftlock/runtime";

const pollMs = 25;
const waitMaxMs = 15_000;

export interface HeldLease {
  stripeCustomerId: string;
  fence: number;
}

/**
 * Runs `work` while nobody else fetches or applies objects of this customer. A worker that was held up until its lease
 * ran out runs on beside its successor, and the fence refuses its commit. @throws UNAVAILABLE when the lease is not free
 * within 15 s: the job is tried again.
 */
export async function withCustomerLease<T>(
  { db, holder, signal }: { db: Db; holder: string; signal: AbortSignal },
  stripeCustomerId: string,
  work: (lease: HeldLease) => Promise<T>,
): Promise<T> {
  const lease = await waitForLease({ db, holder, signal }, stripeCustomerId);
  return withRenewedLease(
    {
      renew: () => stripeCustomerLeases.updateLeaseRenewed(db, { ...lease, ttlMs: leaseTtlMs }),
      release: () => stripeCustomerLeases.updateLeaseReleased(db, lease),
    },
    () => work(lease),
  );
}

async function waitForLease(
  { db, holder, signal }: { db: Db; holder: string; signal: AbortSignal },
  stripeCustomerId: string,
): Promise<HeldLease> {
  for (let waitedMs = 0; waitedMs < waitMaxMs; waitedMs += pollMs) {
    signal.throwIfAborted();
    const fence = await stripeCustomerLeases.claimLease(db, { stripeCustomerId, holder, ttlMs: leaseTtlMs });
    if (fence !== null) return { stripeCustomerId, fence };
    await delay(pollMs, undefined, { signal });
  }
  throw new AppError(
    "UNAVAILABLE",
    `The objects of ${stripeCustomerId} are being synced by another process.`,
  );
}
