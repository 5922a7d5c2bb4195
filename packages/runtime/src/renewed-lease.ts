/** How long a lease lasts that is not renewed: for so long a holder that died keeps others waiting. */
export const leaseTtlMs = 6_000;
const renewIntervalMs = 2_000;

interface HeldLease {
  /** For another `leaseTtlMs` from now; without effect once somebody else has it. */
  renew(): Promise<unknown>;
  /** Without effect once somebody else has it. */
  release(): Promise<unknown>;
}

/**
 * Runs `work` under a lease that was taken for `leaseTtlMs`: renewed while it goes on, given back after it. A holder
 * that was only held up for longer runs on beside its successor, which `work` has to bear.
 */
export async function withRenewedLease<T>(lease: HeldLease, work: () => Promise<T>): Promise<T> {
  // One that cannot be renewed now is renewed at the next beat, or taken over.
  const renewing = setInterval(() => void lease.renew().catch(() => {}), renewIntervalMs);
  try {
    return await work();
  } finally {
    clearInterval(renewing);
    // One that cannot be given back now runs out by itself.
    await lease.release().catch(() => {});
  }
}
