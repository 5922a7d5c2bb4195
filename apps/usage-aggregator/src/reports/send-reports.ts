import { type Db, usageQuarantine, usageReports } from "@driftlock/db";
import { meterEventValue } from "@driftlock/domain";
import type { Clock, Logger } from "@driftlock/runtime";
import { meterCallFailureOf, type TokenBuckets } from "@driftlock/stripe";
import type { Measures } from "../measures.ts";
import { type CallPause, createCallPause } from "./call-pause.ts";
import { callMsMax, type UsageSink } from "./usage-sink.ts";

type Report = Awaited<ReturnType<typeof usageReports.claimReports>>[number];

/** A claim outlives the last call that is begun under it, and what a dead process claimed is soon sent by another. */
const beginUntilMs = 5_000;
const leaseMs = beginUntilMs + 2 * callMsMax + 2_000;
const claimMax = 200;
const backoffMsMin = 500;
const backoffMsMax = 60_000;
const bucket = "meter-events";
/** Stripe sums up with a delay: so long after it was sent a report should be in the summaries. Business time. */
const compareAfterMs = 10 * 60 * 1_000;

interface Deps {
  db: Db;
  clock: Clock;
  sink: UsageSink;
  log: Logger;
  measures: Pick<Measures, "reportSent">;
  /** Calls of all processes together, and how many a second they let through. */
  calls: TokenBuckets;
  callsPerSecond: number;
}

/** Sends reports that are due, until none is left, Stripe has had enough or it is stopped. @returns how many were claimed. */
export type SendReports = (signal?: AbortSignal) => Promise<number>;

/**
 * The sender of one process. Customers go side by side; of one customer and meter a report is claimed only when the one
 * before it is done, by whichever process (Stripe takes one call at a time for each).
 */
export function createSendReports(deps: Deps): SendReports {
  const pause = createCallPause();
  const atOnceMax = Math.min(claimMax, deps.callsPerSecond);
  return async (signal) => {
    let sent = 0;
    while (pause.isOver() && signal?.aborted !== true) {
      const claimed = await sendRound(deps, pause, pause.isTrying() ? 1 : atOnceMax);
      sent += claimed;
      if (claimed < atOnceMax) break;
    }
    return sent;
  };
}

async function sendRound(deps: Deps, pause: CallPause, limit: number): Promise<number> {
  const claimedAt = performance.now();
  const reports = await usageReports.claimReports(deps.db, { now: deps.clock.now(), leaseMs, limit });
  const ended = await Promise.allSettled(
    reports.map((report) =>
      sendReport(deps, pause, { report, isInTime: () => performance.now() - claimedAt <= beginUntilMs }),
    ),
  );
  for (const each of ended) if (each.status === "rejected") throw each.reason;
  return reports.length;
}

async function sendReport(
  deps: Deps,
  pause: CallPause,
  { report, isInTime }: { report: Report; isInTime: () => boolean },
): Promise<void> {
  const { db, clock, sink, log, measures, calls } = deps;
  const { identifier, accountId } = report;
  const value = meterEventValue(report);
  let outcome: Awaited<ReturnType<UsageSink["report"]>>;
  try {
    await calls.take(bucket);
    // What is not begun is claimed again when its lease has ended.
    if (!isInTime()) return;
    outcome = await sink.report({ ...report, value });
  } catch (error) {
    return putOff(deps, pause, { report, error });
  }
  pause.end();
  const now = clock.now();
  await usageReports.updateReportSent(db, identifier, now, new Date(now.getTime() + compareAfterMs));
  measures.reportSent(outcome);
  log.info({ identifier, accountId, value, outcome }, "usage.reported");
}

async function putOff(
  deps: Deps,
  pause: CallPause,
  { report, error }: { report: Report; error: unknown },
): Promise<void> {
  const { db, log, measures, calls } = deps;
  const { identifier, attempts } = report;
  const message = error instanceof Error ? error.message : String(error);
  const failure = meterCallFailureOf(error);
  if (failure.kind === "refused") {
    pause.end();
    log.error({ err: error, identifier, page: true }, "usage.report-failed");
    await setAside(deps, report, { code: failure.code, message });
    measures.reportSent("failed");
    return;
  }
  if (failure.kind === "all-later") {
    pause.begin(failure.waitMs);
    if (failure.waitMs > 0) await calls.pause(bucket, failure.waitMs).catch(() => {});
  }
  const delayMs = Math.min(backoffMsMin * 2 ** Math.min(attempts - 1, 10), backoffMsMax);
  log.warn({ err: error, identifier, attempts, delayMs }, "usage.report-postponed");
  await usageReports.updateReportRetry(db, { identifier, error: message, delayMs });
  measures.reportSent("retry");
}

/** A person decides on it: once the cause is gone it is released from the quarantine. */
async function setAside(
  { db, clock }: Deps,
  report: Report,
  { code, message: detail }: { code: string; message: string },
): Promise<void> {
  const { identifier: eventId, accountId, metric } = report;
  const reason = `stripe:${code}`;
  await db.transaction(async (tx) => {
    await usageReports.updateReportFailed(tx, eventId, `${code}: ${detail}`);
    const refused = { accountId, eventId, metric, payload: report, reason, detail, receivedAt: null };
    await usageQuarantine.insertQuarantined(tx, [refused], clock.now());
  });
}
