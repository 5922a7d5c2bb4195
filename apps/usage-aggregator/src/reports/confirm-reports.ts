import { type Db, usageReportLanes, usageReports } from "@driftlock/db";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Measures } from "../measures.ts";
import { toldOfFailure } from "./told-of-failure.ts";
import type { UsageSink } from "./usage-sink.ts";

const atOnceMax = 500;
const minuteMs = 60 * 1000;
const leaseMs = minuteMs;
const againMsMin = 10 * minuteMs;
const againMsMax = 6 * 60 * minuteMs;

interface Deps {
  db: Db;
  clock: Clock;
  sink: UsageSink;
  log: Logger;
  measures: Pick<Measures, "reportsCompared">;
}

/**
 * Looks for what was sent a while ago in Stripe's own summaries: found, it is confirmed. What is not there after
 * several looks (Stripe sums up with a delay) is told to a person, and looked for again and again.
 */
export async function confirmReports(deps: Deps): Promise<void> {
  const { db, clock, log } = deps;
  for (;;) {
    const now = clock.now();
    const lanes = await usageReportLanes.claimLanesToCompare(db, { now, leaseMs, limit: atOnceMax });
    for (const lane of lanes) {
      const isAway = await confirmLane(deps, lane, now).then(() => false, toldOfFailure(lane, log));
      if (isAway) return;
    }
    if (lanes.length === 0) return;
  }
}

async function confirmLane(
  { db, sink, log, measures }: Deps,
  lane: usageReportLanes.LaneToCompare,
  now: Date,
): Promise<void> {
  const ledger = await usageReportLanes.findLedger(db, lane);
  // One whose fate is open could be on Stripe's side already.
  if (ledger.unknownCount > 0) return;
  const total = await sink.total(lane);
  if (total === ledger.quantity) {
    const confirmed = await usageReportLanes.updateConfirmed(db, lane, { ledger, now });
    measures.reportsCompared("confirmed", confirmed);
    return;
  }
  const present = await usageReportLanes.findLedger(db, lane);
  if (present.quantity !== ledger.quantity || present.unknownCount > 0) return;
  const againMs = Math.min(againMsMin * 2 ** lane.tries, againMsMax);
  const compareAt = new Date(now.getTime() + againMs);
  await usageReportLanes.updateNotFound(db, { identifiers: lane.identifiers, compareAt });
  if (lane.tries + 1 < usageReports.compareTriesMax) return;
  measures.reportsCompared("mismatched", lane.identifiers.length);
  const { stripeCustomerId: customerId, stripeMeterId: meterId, from, until } = lane;
  log.error(
    { page: true, customerId, meterId, from, until, reported: ledger.quantity, summed: total },
    "usage.reports-mismatched",
  );
}
