import {
  AppError,
  type DecideReportBody,
  type DoubtedLaneDto,
  type DoubtedReportDto,
  type DoubtQuery,
  doubtStates,
  type Page,
  type ReportDecision,
  type ReportDecisionDto,
} from "@driftlock/contracts";
import { auditLog, type Db, type Transaction, usageReportDoubts, usageReportLanes } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { type MeterSpan, meterTotal, type Stripe, stripeCall } from "@driftlock/stripe";
import { z } from "zod";
import { readKeyCursor, toKeyCursor } from "../key-cursor.ts";
import { doOrPreview } from "./do-or-preview.ts";
import { outcomeOf, summaryOf } from "./report-outcome.ts";
import { createTurns } from "./turns.ts";

interface Deps {
  db: Db;
  stripe: Stripe;
  clock: Clock;
}

const PageKey = z.tuple([z.number().int(), z.string(), z.string(), z.enum(doubtStates)]);
/** Of one list, so that a long one does not take Stripe's reads from everybody else. */
const stripeCallsAtOnceMax = 5;

/** Reports of which only a person can tell whether Stripe has them, and that decision. */
export function createOperatorReports({ db, stripe, clock }: Deps) {
  /** By lane, the oldest doubt first. @throws INVALID for a cursor that this list never gave. */
  const listDoubtedReports = async (query: DoubtQuery): Promise<Page<DoubtedLaneDto>> => {
    const { limit, cursor, accountId = null, state = null } = query;
    const after = readPageKey(cursor);
    const found = await usageReportDoubts.listDoubtedLanes(db, {
      accountId,
      state,
      after,
      limit: limit + 1,
    });
    const lanes = found.slice(0, limit);
    const windows = await usageReportDoubts.listDoubtedReports(db, lanes);
    const askStripe = createFigures(stripe);
    const data = await Promise.all(
      lanes.map(async (lane): Promise<DoubtedLaneDto> => {
        const [atStripe, ledger] = await Promise.all([
          askStripe(lane),
          usageReportLanes.findLedger(db, lane),
        ]);
        return {
          stripeCustomerId: lane.stripeCustomerId,
          meterEventName: lane.meterEventName,
          state: lane.state,
          since: lane.since.toISOString(),
          figures: toFigures(lane, { reported: ledger.quantity, atStripe }),
          windowCount: lane.windowCount,
          windows: windows.filter((window) => isOfLane(window, lane)).map(toDoubtedReportDto),
        };
      }),
    );
    const last = lanes.at(-1);
    const hasMore = found.length > limit && last !== undefined;
    return {
      data,
      nextCursor: hasMore
        ? toKeyCursor([last.since.getTime(), last.stripeCustomerId, last.meterEventName, last.state])
        : null,
    };
  };

  /**
   * Decides a report in doubt, or with `preview` says what that would do. The same decision again gives the same answer
   * and changes nothing; what is sent again is sent by the aggregator, under one new identifier.
   * @throws NOT_FOUND, REPORT_SETTLED.
   */
  const decideReport = async (
    actor: string,
    { identifier, decision }: { identifier: string; decision: ReportDecision },
    { preview }: DecideReportBody,
  ): Promise<ReportDecisionDto> => {
    const row = await findReport(db, identifier);
    const atStripe = await createFigures(stripe)(row);
    const decided = await doOrPreview(db, preview, (tx) =>
      decide(tx, { actor, identifier, decision, now: clock.now() }),
    );
    const { reported } = decided;
    const outcome = outcomeOf(decided.row, { decision, reported, atStripe });
    return {
      identifier,
      decision,
      isPreview: preview,
      outcome,
      figures: toFigures(row, { reported, atStripe }),
      summary: summaryOf(decided.row, { outcome, reported, atStripe }),
    };
  };

  return { listDoubtedReports, decideReport };
}

interface Decision {
  actor: string;
  identifier: string;
  decision: ReportDecision;
  now: Date;
}

async function decide(
  tx: Transaction,
  { actor, identifier, decision, now }: Decision,
): Promise<{ row: usageReportDoubts.DecidableReportRow; reported: number }> {
  const changed = await usageReportDoubts.updateDecided(tx, { identifier, decision, now });
  const row = await findReport(tx, identifier);
  if (changed === 0 && row.decision !== decision)
    throw new AppError(
      "REPORT_SETTLED",
      `"${identifier}" is ${row.state}, and not in doubt: that is not changed any more.`,
    );
  const { accountId, metric, fromQuantity, toQuantity } = row;
  if (changed > 0)
    await auditLog.insertAuditEntry(tx, {
      actor,
      action: `report.${decision === "missing" ? "released" : "confirmed"}`,
      target: identifier,
      detail: { accountId, metric, fromQuantity, toQuantity, decision },
      now,
    });
  return { row, reported: (await usageReportLanes.findLedger(tx, row)).quantity };
}

async function findReport(
  q: Db | Transaction,
  identifier: string,
): Promise<usageReportDoubts.DecidableReportRow> {
  const row = await usageReportDoubts.findDecidableReport(q, identifier);
  if (row === null) throw new AppError("NOT_FOUND", `There is no report "${identifier}".`);
  return row;
}

/** Stripe's figure of a span; null where it cannot say. Once it is away it is not asked again. */
function createFigures(stripe: Stripe): (span: MeterSpan) => Promise<number | null> {
  const inTurn = createTurns(stripeCallsAtOnceMax);
  let isAway = false;
  return (span) =>
    inTurn(async () => {
      if (isAway) return null;
      try {
        return await stripeCall(() => meterTotal(stripe, span));
      } catch (error) {
        // A customer or meter that Stripe does not have any more has no figure either.
        if (!(error instanceof AppError)) throw error;
        isAway = error.code === "STRIPE_UNAVAILABLE";
        return null;
      }
    });
}

function readPageKey(cursor: string | undefined): usageReportDoubts.DoubtedLaneKey | null {
  const key = readKeyCursor(cursor, PageKey);
  if (key === null) return null;
  const [sinceMs, stripeCustomerId, meterEventName, state] = key;
  return { since: new Date(sinceMs), stripeCustomerId, meterEventName, state };
}

type LaneKey = Pick<usageReportDoubts.DoubtedLaneKey, "stripeCustomerId" | "meterEventName" | "state">;

const isOfLane = (one: LaneKey, other: LaneKey): boolean =>
  one.stripeCustomerId === other.stripeCustomerId &&
  one.meterEventName === other.meterEventName &&
  one.state === other.state;

const toFigures = (
  { from, until }: MeterSpan,
  figures: { reported: number; atStripe: number | null },
): DoubtedLaneDto["figures"] => ({ from: from.toISOString(), until: until.toISOString(), ...figures });

const toDoubtedReportDto = (row: usageReportDoubts.DoubtedReportRow): DoubtedReportDto => ({
  identifier: row.identifier,
  accountId: row.accountId,
  metric: row.metric,
  periodStart: row.periodStart.toISOString(),
  isPeriodClosed: row.isPeriodClosed,
  fromQuantity: row.fromQuantity,
  toQuantity: row.toQuantity,
  eventAt: row.eventAt.toISOString(),
  firstSentAt: row.firstSentAt?.toISOString() ?? null,
  sentAt: row.sentAt?.toISOString() ?? null,
  comparisons: row.comparisons,
  lastError: row.lastError,
  doubtedAt: row.doubtedAt.toISOString(),
});
