import { AppError } from "@driftlock/contracts";
import { type Db, usageReports } from "@driftlock/db";
import type { Clock, Logger } from "@driftlock/runtime";
import { toAppError } from "@driftlock/stripe";
import type { Measures } from "../measures.ts";
import type { UsageSink } from "./usage-sink.ts";

type Report = Awaited<ReturnType<typeof usageReports.claimReports>>[number];

/** A claim outlives the last call that is begun under it, and what a dead process claimed is soon sent by another. */
const leaseMs = 10_000;
const beginUntilMs = 5_000;
const claimMax = 50;
const backoffMsMin = 500;
const backoffMsMax = 60_000;

interface Deps {
  db: Db;
  clock: Clock;
  sink: UsageSink;
  log: Logger;
  measures: Pick<Measures, "reportSent">;
}

/**
 * Sends reports that are due: customers side by side, the windows of one customer one after the other (Stripe takes one
 * call at a time for each). @returns how many were claimed.
 */
export async function sendReports(deps: Deps): Promise<number> {
  const claimedAt = performance.now();
  const claim = { now: deps.clock.now(), leaseMs, limit: claimMax };
  const reports = await usageReports.claimReports(deps.db, claim);
  // The order in which a comparison with Stripe's summaries takes them to have arrived.
  reports.sort(
    (one, other) => one.periodStart.getTime() - other.periodStart.getTime() || one.windowNo - other.windowNo,
  );
  const byCustomer = Map.groupBy(reports, ({ stripeCustomerId }) => stripeCustomerId);
  await Promise.all(
    [...byCustomer.values()].map(async (ofCustomer) => {
      for (const report of ofCustomer) {
        if (performance.now() - claimedAt > beginUntilMs) return;
        await sendReport(deps, report);
      }
    }),
  );
  return reports.length;
}

async function sendReport({ db, clock, sink, log, measures }: Deps, report: Report): Promise<void> {
  const { identifier, toQuantity, fromQuantity } = report;
  try {
    const outcome = await sink.report({ ...report, quantity: toQuantity - fromQuantity });
    await usageReports.updateReportSent(db, identifier, clock.now());
    measures.reportSent(outcome);
    log.info(
      { identifier, accountId: report.accountId, quantity: toQuantity - fromQuantity, outcome },
      "usage.reported",
    );
  } catch (thrown) {
    await postpone({ db, log, measures }, report, toAppError(thrown));
  }
}

async function postpone(
  { db, log, measures }: Pick<Deps, "db" | "log" | "measures">,
  { identifier, attempts }: Report,
  error: unknown,
): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  const isRefused = refusedStatuses.has(statusOf(error) ?? 0);
  if (isRefused) {
    log.error({ err: error, identifier }, "usage.report-failed");
    await usageReports.updateReportFailed(db, identifier, message);
    measures.reportSent("failed");
    return;
  }
  const delayMs = Math.min(backoffMsMin * 2 ** Math.min(attempts - 1, 10), backoffMsMax);
  log.warn({ err: error, identifier, attempts, delayMs }, "usage.report-postponed");
  await usageReports.updateReportRetry(db, { identifier, error: message, delayMs });
  measures.reportSent("retry");
}

/** What Stripe will say of this report every time; a wrong key (401, 403) is mended outside of it. */
const refusedStatuses = new Set([400, 404]);

const statusOf = (error: unknown): number | undefined =>
  (error instanceof AppError ? (error.cause as { statusCode?: number } | null) : null)?.statusCode;
