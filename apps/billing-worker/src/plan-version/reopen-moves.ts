import { planVersionMoves, type SubscriptionRow, type Transaction } from "@driftlock/db";
import { versionMoveStep } from "@driftlock/domain";

/**
 * What is wanted of an account's plan version stands: where its subscription has come away from it (a cancellation that
 * was taken back, a schedule that somebody let go), it is to be brought there again.
 */
export async function reopenMoves(tx: Transaction, subscription: SubscriptionRow): Promise<void> {
  for (const move of await planVersionMoves.listMoves(tx, subscription.accountId))
    if (move.settledAt !== null && versionMoveStep(subscription, move).kind === "change")
      await planVersionMoves.updateMoveReopened(tx, move);
}
