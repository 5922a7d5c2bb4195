import {
  type Db,
  usageQuarantine,
  usageReportDoubts,
  usageReportFailures,
  usageReportLanes,
  usageReports,
} from "@driftlock/db";
import { lostReports } from "@driftlock/domain";
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
export async function confirmReports(deps: Deps, signal?: AbortSignal): Promise<void> {
  const { db, clock, log } = deps;
  for (;;) {
    const now = clock.now();
    const lanes = await usageReportLanes.claimLanesToCompare(db, { now, leaseMs, limit: atOnceMax });
    for (const lane of lanes) {
      if (signal?.aborted === true) return;
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
  const identifiers = lane.reports.map(({ identifier }) => identifier);
  await usageReportLanes.updateNotFound(db, { identifiers, compareAt });
  if (lane.tries + 1 < usageReports.compareTriesMax) return;
  measures.reportsCompared("mismatched", identifiers.length);
  const { stripeCustomerId: customerId, stripeMeterId: meterId, from, until } = lane;
  const figures = { reported: ledger.quantity, total };
  log.error({ page: true, customerId, meterId, from, until, ...figures }, "usage.reports-mismatched");
  await takeForLost(db, { lane, ...figures, now });
}

interface Mismatch {
  lane: usageReportLanes.LaneToCompare;
  reported: number;
  total: number;
  now: Date;
}

/**
 * What Stripe took and has not: the newest total is told again at once, because it may be; what alone explains the
 * difference of a sum has failed, and a person releases it; of several that may, a person says which Stripe has.
 */
async function takeForLost(db: Db, { lane, reported, total, now }: Mismatch): Promise<void> {
  if (lane.reportMode === "last") {
    await usageReportFailures.updateNewestLost(db, { ...lane, now });
    return;
  }
  const lost = new Set(lostReports(lane.reports, { reported, total }).map(({ identifier }) => identifier));
  if (lost.size === 0) {
    const doubted = { identifiers: lane.reports.map(({ identifier }) => identifier), decision: null };
    await usageReportDoubts.updateDoubted(db, { ...doubted, state: "not-found", now });
    return;
  }
  const detail = `Stripe took it, and has summed up ${total} of ${reported}`;
  await db.transaction(async (tx) => {
    const failed = await usageReportFailures.updateLost(tx, {
      identifiers: [...lost],
      error: `lost: ${detail}`,
    });
    const refused = lane.reports
      .filter(({ identifier }) => failed.includes(identifier))
      .map(({ identifier: eventId, accountId, metric, quantity }) => ({
        ...{ accountId, eventId, metric, payload: { identifier: eventId, quantity } },
        ...{ reason: "stripe:lost", detail, receivedAt: null },
      }));
    await usageQuarantine.insertQuarantined(tx, refused, now);
  });
}
