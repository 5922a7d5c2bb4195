import type { moneyBack, Transaction } from "@driftlock/db";
import { insertNotice } from "./insert-notice.ts";

/** Money of a charge went back; each further part of it is told once. */
export const tellRefunded = (
  tx: Transaction,
  { accountId, ...refund }: Omit<moneyBack.RefundedChargeRow, "fetchSequence">,
  now: Date,
): Promise<boolean> =>
  insertNotice(tx, {
    accountId,
    type: "charge.refunded",
    dedupeKey: `charge.refunded.${refund.chargeId}.${refund.refundedMinor}`,
    data: refund,
    now,
  });

const decided = ["won", "lost", "warning_closed", "prevented"];

/**
 * A payment is disputed, or its dispute was decided; each is told once.
 * @returns what was told now; null where it was told before.
 */
export async function tellDisputed(
  tx: Transaction,
  { accountId, evidenceDueAt, openedAt, ...dispute }: Omit<moneyBack.DisputeRow, "fetchSequence">,
  now: Date,
): Promise<"charge.disputed" | "charge.dispute_closed" | null> {
  const type = decided.includes(dispute.status) ? "charge.dispute_closed" : "charge.disputed";
  const data = {
    ...dispute,
    openedAt: openedAt.toISOString(),
    evidenceDueAt: evidenceDueAt?.toISOString() ?? null,
  };
  const dedupeKey = `${type}.${dispute.disputeId}`;
  return (await insertNotice(tx, { accountId, type, dedupeKey, data, now })) ? type : null;
}
