import { type Db, usageReportDoubts, usageReportFailures, usageReportLanes } from "@driftlock/db";
import { decideResend, mendableMeterErrors, meterEventIdentifier } from "@driftlock/domain";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Measures } from "../measures.ts";
import { toldOfFailure } from "./told-of-failure.ts";
import type { UsageSink } from "./usage-sink.ts";

const atOnceMax = 100;
/** What cannot be told yet is looked at again after this. Business time. */
const leaseMs = 10 * 60 * 1_000;

interface Deps {
  db: Db;
  clock: Clock;
  sink: UsageSink;
  log: Logger;
  measures: Pick<Measures, "reportsCompared">;
}

/**
 * Tells again what Stripe could not count, once the cause is gone: a person has released it, or a later report of the
 * same customer and meter went through. Under a new identifier, and only where the summaries show that it is missing, or
 * where they do not say and a person has decided so.
 */
export async function resendReleased(deps: Deps): Promise<void> {
  const { db, clock, log } = deps;
  const now = clock.now();
  await usageReportFailures.updateMendedReleased(db, { codes: mendableMeterErrors, now });
  for (const report of await usageReportFailures.claimReleased(db, { now, leaseMs, limit: atOnceMax })) {
    const resent = resend(deps, report, now);
    if (await resent.then(() => false, toldOfFailure(report, log))) return;
  }
}

async function resend(
  { db, sink, log, measures }: Deps,
  report: usageReportFailures.ReleasedReportRow,
  now: Date,
): Promise<void> {
  const { identifier, accountId, decision } = report;
  const ledger = await usageReportLanes.findLedger(db, report);
  if (ledger.unknownCount > 0) return;
  const total = await sink.total(report);
  const figures = { reported: ledger.quantity, summed: total };
  const outcome = decideResend(report, {
    reported: ledger.quantity,
    total,
    isDecided: decision === "missing",
  });
  if (outcome === "send-again") {
    const replacement = meterEventIdentifier({ ...report, resendNo: report.resendNo + 1 });
    await usageReportFailures.replaceFailed(db, { identifier, replacement, now });
    measures.reportsCompared("missing", 1);
    log.warn({ accountId, identifier, replacement, decision, ...figures }, "usage.report-resent");
    return;
  }
  if (outcome === "arrived") {
    await usageReportFailures.updateArrived(db, identifier, now);
    measures.reportsCompared("arrived", 1);
    return;
  }
  const doubted = { identifiers: [identifier], state: "not-resent", decision } as const;
  await usageReportDoubts.updateDoubted(db, { ...doubted, now });
  measures.reportsCompared("mismatched", 1);
  log.error({ page: true, accountId, identifier, ...figures }, "usage.report-not-resent");
}
