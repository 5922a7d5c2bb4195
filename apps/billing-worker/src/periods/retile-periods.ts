import type { Transaction } from "@driftlock/db";

/**
 * Makes the account's usage_periods what its subscriptions and its Free anchor say, inside the transaction that changed
 * one of them. Locks the account's row. Where a row was cut or changed, totals move with their events and
 * limits_version rises: the caller pushes the limits after its commit.
 * @returns whether anything changed.
 */
export async function retilePeriods(tx: Transaction, { accountId, now }: { accountId: string; now: Date }): Promise<boolean> {
  throw new Error(`not written yet: ${String(tx)} ${accountId} ${now.toISOString()}`);
}
