import {
  type AdjustmentDto,
  type AdjustmentQuery,
  AppError,
  type Page,
  toPeriodDto,
} from "@driftlock/contracts";
import { type AdjustmentRow, auditLog, type Db, usageAdjustments } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { readCursor, toPage } from "../cursor.ts";

/** What became money after its period, and what an operator decides of it. */
export function createOperatorAdjustments({ db, clock }: { db: Db; clock: Clock }) {
  const listAdjustments = async (query: AdjustmentQuery): Promise<Page<AdjustmentDto>> => {
    const { limit, cursor, accountId = null, state = null } = query;
    const page = { accountId, state, limit: limit + 1, after: readCursor(cursor) };
    return toPage(await usageAdjustments.listAdjustments(db, page), limit, {
      position: (row) => ({ at: row.createdAt, id: row.adjustmentId }),
      item: toAdjustmentDto,
    });
  };

  const decide = (
    actor: string,
    adjustmentId: string,
    to: { state: "pending" | "waived"; action: string },
  ): Promise<AdjustmentDto> =>
    db.transaction(async (tx) => {
      const changed = await usageAdjustments.updateAdjustmentDecided(tx, { adjustmentId, state: to.state });
      const row = await usageAdjustments.findAdjustment(tx, adjustmentId);
      if (row === null) throw new AppError("NOT_FOUND", `There is no adjustment "${adjustmentId}".`);
      if (changed === 0)
        throw new AppError(
          "ADJUSTMENT_SETTLED",
          `"${adjustmentId}" is ${row.state}: that is not changed any more.`,
        );
      const { accountId, amountMinor, currency } = row;
      const detail = { accountId, amountMinor, currency };
      await auditLog.insertAuditEntry(tx, {
        actor,
        action: to.action,
        target: adjustmentId,
        detail,
        now: clock.now(),
      });
      return toAdjustmentDto(row);
    });

  return {
    listAdjustments,
    /** @throws NOT_FOUND, ADJUSTMENT_SETTLED. */
    billAdjustment: (actor: string, adjustmentId: string) =>
      decide(actor, adjustmentId, { state: "pending", action: "adjustment.billed" }),
    /** @throws NOT_FOUND, ADJUSTMENT_SETTLED: what is on its way to Stripe cannot be taken back here. */
    waiveAdjustment: (actor: string, adjustmentId: string) =>
      decide(actor, adjustmentId, { state: "waived", action: "adjustment.waived" }),
  };
}

const toAdjustmentDto = (row: AdjustmentRow): AdjustmentDto => ({
  id: row.adjustmentId,
  accountId: row.accountId,
  metric: row.metric,
  period: toPeriodDto({ start: row.periodStart, end: row.periodEnd }),
  fromQuantity: row.fromQuantity,
  toQuantity: row.toQuantity,
  amountMinor: row.amountMinor,
  currency: row.currency,
  reason: row.reason,
  state: row.state,
  invoiceId: row.stripeInvoiceId,
  lastError: row.lastError,
  createdAt: row.createdAt.toISOString(),
});
