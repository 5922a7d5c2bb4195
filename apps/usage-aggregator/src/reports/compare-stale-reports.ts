import { type Db, usageReportDoubts, usageReportLanes, usageReports, usageStaleReports } from "@driftlock/db";
import { decideStaleReports } from "@driftlock/domain";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Measures } from "../measures.ts";
import { toldOfFailure } from "./told-of-failure.ts";
import type { UsageSink } from "./usage-sink.ts";

const atOnceMax = 100;
const hourMs = 60 * 60 * 1000;
/** What could not be compared comes again after this. Wall time. */
const leaseMs = 60_000;

interface Deps {
  db: Db;
  clock: Clock;
  sink: UsageSink;
  log: Logger;
  measures: Pick<Measures, "reportsCompared">;
}

/**
 * Finds out what became of reports whose identifiers Stripe may have forgotten, from its own summaries (DESIGN 4.10):
 * what arrived is done, what did not is sent as if for the first time, what cannot be told is in doubt: a person decides.
 */
export async function compareStaleReports(deps: Deps, signal?: AbortSignal): Promise<void> {
  const { db, clock, log } = deps;
  const now = clock.now();
  const firstSentBefore = new Date(now.getTime() - usageReports.resendHoursMax * hourMs);
  for (;;) {
    const lanes = await usageStaleReports.claimStaleReports(db, {
      firstSentBefore,
      leaseMs,
      limit: atOnceMax,
    });
    for (const stale of lanes) {
      if (signal?.aborted === true) return;
      const comparison = compareLane(deps, { stale, firstSentBefore, now });
      if (await comparison.then(() => false, toldOfFailure(stale, log))) return;
    }
    if (lanes.length === 0) return;
  }
}

interface Comparison {
  stale: usageStaleReports.StaleReportsRow;
  firstSentBefore: Date;
  now: Date;
}

async function compareLane(
  { db, sink, log, measures }: Deps,
  { stale, firstSentBefore, now }: Comparison,
): Promise<void> {
  const { stripeCustomerId: customerId, stripeMeterId: meterId } = stale;
  const ledger = await usageReportLanes.findLedger(db, stale);
  // Another one whose answer is still to come would be counted on one side only.
  if (ledger.unknownCount > stale.reports.length) return;
  const total = await sink.total(stale);
  const decision = decideStaleReports(stale.reports, { confirmed: ledger.quantity, total });
  const identifiersOf = (reports: readonly { identifier: string }[]) =>
    reports.map(({ identifier }) => identifier);
  if (decision.outcome === "mismatch") {
    const doubted = {
      identifiers: identifiersOf(stale.reports),
      state: "unanswered",
      decision: null,
    } as const;
    await usageReportDoubts.updateDoubted(db, { ...doubted, now });
    measures.reportsCompared("mismatched", stale.reports.length);
    log.error(
      { customerId, meterId, unexplained: decision.unexplained, page: true },
      "usage.report-unexplained",
    );
    return;
  }
  const [arrived, missing] = [identifiersOf(decision.arrived), identifiersOf(decision.missing)];
  await usageStaleReports.updateStaleSent(db, { identifiers: arrived, firstSentBefore, now });
  await usageStaleReports.updateStaleUnsent(db, { identifiers: missing, firstSentBefore });
  measures.reportsCompared("arrived", arrived.length);
  measures.reportsCompared("missing", missing.length);
  log.warn({ customerId, arrived, missing }, "usage.reports-compared");
}
