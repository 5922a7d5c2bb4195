import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@driftlock/contracts";
import { type Db, stripeCustomerLeases } from "@driftlock/db";

// Renewed while the work goes on, so that a customer waits no longer than this for a worker that died. One that was
// only held up for longer runs on beside its successor, and the fence refuses its commit.
const leaseTtlMs = 6_000;
const renewIntervalMs = 2_000;
const pollMs = 25;
const waitMaxMs = 15_000;

export interface HeldLease {
  stripeCustomerId: string;
  fence: number;
}

/**
 * Runs `work` while nobody else fetches or applies objects of this customer. @throws UNAVAILABLE when the lease is not
 * free within 15 s: the job is tried again.
 */
export async function withCustomerLease<T>(
  { db, holder, signal }: { db: Db; holder: string; signal: AbortSignal },
  stripeCustomerId: string,
  work: (lease: HeldLease) => Promise<T>,
): Promise<T> {
  const lease = await waitForLease({ db, holder, signal }, stripeCustomerId);
  const renewing = setInterval(() => {
    // A lease that cannot be renewed now is renewed at the next beat, or taken over.
    stripeCustomerLeases.updateLeaseRenewed(db, { ...lease, ttlMs: leaseTtlMs }).catch(() => {});
  }, renewIntervalMs);
  try {
    return await work(lease);
  } finally {
    clearInterval(renewing);
    // A lease that cannot be given back now runs out by itself.
    await stripeCustomerLeases.updateLeaseReleased(db, lease).catch(() => {});
  }
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
