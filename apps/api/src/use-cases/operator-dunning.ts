import {
  AppError,
  type DisputeDto,
  type DunningCaseDetailDto,
  type DunningCaseDto,
  type DunningQuery,
  type Page,
  type PageQuery,
} from "@driftlock/contracts";
import { auditLog, type Db, dunningCases, dunningOverview, moneyBack } from "@driftlock/db";
import { declineActionOf, nextDunningStep } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { readCursor, toPage } from "../cursor.ts";

interface Deps {
  db: Db;
  stripe: Stripe;
  clock: Clock;
}

/** Unpaid invoices and disputes as operators see them, and what operators do about them. */
export function createOperatorDunning({ db, stripe, clock }: Deps) {
  /** The newest first. @throws INVALID for a cursor that is none. */
  const listDunningCases = async ({ limit, cursor, state }: DunningQuery): Promise<Page<DunningCaseDto>> => {
    const page = { limit: limit + 1, after: readCursor(cursor), isOpen: state === "open" };
    return toPage(await dunningOverview.listDunningCases(db, page), limit, {
      position: (row) => ({ at: row.firstFailedAt, id: row.invoiceId }),
      item: toCaseDto,
    });
  };

  /** @throws DUNNING_CASE_NOT_FOUND. */
  const getDunningCase = async (invoiceId: string): Promise<DunningCaseDetailDto> => {
    const row = await dunningOverview.findDunningCase(db, invoiceId);
    if (row === null) throw noSuchCase(invoiceId);
    const tries = await dunningOverview.listDunningTries(db, invoiceId);
    return {
      ...toCaseDto(row),
      tries: tries.map(({ startedAt, endedAt, ...each }) => ({
        ...each,
        // Whoever settled the case was ahead of it.
        outcome: each.outcome ?? (row.settledAt === null ? null : "settled"),
        startedAt: startedAt.toISOString(),
        endedAt: endedAt?.toISOString() ?? null,
      })),
    };
  };

  /** Has the payment tried at once, whatever the schedule says. @throws DUNNING_CASE_NOT_FOUND, DUNNING_CASE_SETTLED. */
  const retryDunning = async (actor: string, invoiceId: string): Promise<DunningCaseDto> => {
    const now = clock.now();
    await db.transaction(async (tx) => {
      if ((await dunningCases.updateCaseRetryRequested(tx, { invoiceId, now })) === 0)
        await assertOpen(invoiceId);
      const entry = { actor, action: "dunning.retried", target: invoiceId, detail: {}, now };
      await auditLog.insertAuditEntry(tx, entry);
    });
    return getDunningCase(invoiceId);
  };

  /**
   * Ends the story: nobody tries to collect the invoice any more. It stays open at Stripe, where it can be paid, voided or
   * written off. @throws DUNNING_CASE_NOT_FOUND, DUNNING_CASE_SETTLED.
   */
  const stopDunning = async (actor: string, invoiceId: string): Promise<DunningCaseDto> => {
    await assertOpen(invoiceId);
    // First, so that no story ends whose retries go on; asking again changes nothing.
    await stripeCall(() => stripe.invoices.update(invoiceId, { auto_advance: false }));
    const now = clock.now();
    await db.transaction(async (tx) => {
      if ((await dunningCases.updateCaseSettled(tx, { invoiceId, state: "stopped", now })) === 0)
        await assertOpen(invoiceId);
      const entry = { actor, action: "dunning.stopped", target: invoiceId, detail: {}, now };
      await auditLog.insertAuditEntry(tx, entry);
    });
    return getDunningCase(invoiceId);
  };

  const assertOpen = async (invoiceId: string): Promise<void> => {
    const dunning = await dunningCases.findCase(db, invoiceId);
    if (dunning === null) throw noSuchCase(invoiceId);
    if (dunning.settledAt !== null || dunning.state === "gave_up")
      throw new AppError("DUNNING_CASE_SETTLED", `The story of "${invoiceId}" ended: ${dunning.state}.`);
  };

  /** The newest first. @throws INVALID for a cursor that is none. */
  const listDisputes = async ({ limit, cursor }: PageQuery): Promise<Page<DisputeDto>> => {
    const rows = await moneyBack.listDisputes(db, { limit: limit + 1, after: readCursor(cursor) });
    return toPage(rows, limit, {
      position: (row) => ({ at: row.openedAt, id: row.disputeId }),
      item: ({ disputeId, openedAt, evidenceDueAt, ...row }) => ({
        ...row,
        id: disputeId,
        openedAt: openedAt.toISOString(),
        evidenceDueAt: evidenceDueAt?.toISOString() ?? null,
      }),
    });
  };

  return { listDunningCases, getDunningCase, retryDunning, stopDunning, listDisputes };
}

const noSuchCase = (invoiceId: string): AppError =>
  new AppError("DUNNING_CASE_NOT_FOUND", `No payment of an invoice "${invoiceId}" failed.`);

function toCaseDto(row: dunningOverview.DunningOverviewRow): DunningCaseDto {
  const { stripeSubscriptionId, stripeAttemptCount, nextStepAt: _, nextPaymentAttemptAt: __, ...shown } = row;
  const next = nextOf(row);
  return {
    ...shown,
    subscriptionId: stripeSubscriptionId,
    stripeAttempts: stripeAttemptCount,
    firstFailedAt: row.firstFailedAt.toISOString(),
    lastTriedAt: row.lastTriedAt.toISOString(),
    nextStep: next?.step ?? null,
    nextStepAt: next?.at.toISOString() ?? null,
    settledAt: row.settledAt?.toISOString() ?? null,
  };
}

function nextOf(
  row: dunningOverview.DunningOverviewRow,
): { step: "retry" | "final" | "resume"; at: Date } | null {
  const { nextStepAt, nextPaymentAttemptAt } = row;
  if (row.state === "recovered") return nextStepAt && { step: "resume", at: nextStepAt };
  if (row.settledAt !== null) return nextStepAt && { step: "retry", at: nextStepAt };
  if (row.mode === "stripe") {
    const at = nextStepAt ?? nextPaymentAttemptAt;
    return at && { step: "retry", at };
  }
  const { kind, at } = nextDunningStep({ ...row, action: declineActionOf(row.declineCode) });
  // Due before its day: a new card, or what an operator asked for.
  return nextStepAt && { step: nextStepAt < at ? "retry" : kind, at: nextStepAt };
}
