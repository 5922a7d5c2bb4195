import {
  type Db,
  type reconciliationFigures,
  reconciliations,
  type reconciliationWalks,
} from "@driftlock/db";
import type { RedisClient } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import type { Stripe } from "@driftlock/stripe";
import type { Schedule } from "../schedules.ts";
import { beginReading } from "./begin-reading.ts";
import { comparePeriods } from "./compare-periods.ts";
import { noteDifferences } from "./note-differences.ts";
import { readRecords } from "./read-records.ts";
import { catalogWalk, customersWalk, subscriptionsWalk } from "./stripe-walks.ts";
import { allPeriodsWalk, closedPeriodsWalk, movedPeriodsWalk } from "./walk-periods.ts";
import { takeWalkStep } from "./walk-step.ts";

export interface ReconciliationDeps {
  db: Db;
  redis: RedisClient;
  stripe: Stripe;
  producer: Producer;
  clock: Clock;
  wallClock: Clock;
  log: Logger;
}

const tickMs = 1_000;
const dueMax = 200;
const dueLeaseMs = 60_000;
/** How old a reading of an open period's records may be. */
const readingKeptMs = 24 * 60 * 60 * 1000;

/** What compares, all the time (ADR 0022). Each tick does a bounded piece of work; several workers share it. */
export function reconciliationSchedules(deps: ReconciliationDeps): Schedule[] {
  const tick = (name: string, run: () => Promise<void>): Schedule => ({ name, intervalMs: tickMs, run });
  const compare = (keys: readonly reconciliationFigures.PeriodKey[]) => comparePeriods(deps, keys);
  const visit = async (periods: readonly reconciliationWalks.WalkedPeriodRow[]) => {
    await compare(periods);
    await readWhatMoved(deps, periods);
  };
  return [
    tick("walk-closed-periods", () => takeWalkStep(deps, closedPeriodsWalk(deps), visit)),
    tick("walk-all-periods", () => takeWalkStep(deps, allPeriodsWalk(deps), visit)),
    tick("walk-moved-periods", () => takeWalkStep(deps, movedPeriodsWalk(deps), compare)),
    tick("compare-again", async () => {
      const now = deps.wallClock.now();
      const due = await reconciliations.claimDue(deps.db, { now, leaseMs: dueLeaseMs, limit: dueMax });
      if (due.length > 0) await compare(due);
    }),
    tick("read-records", () => readRecords(deps)),
    ...[subscriptionsWalk, customersWalk, catalogWalk].map((walkOf) => {
      const walk = walkOf(deps);
      return tick(`walk-${walk.name}`, () => takeWalkStep(deps, walk, (seen) => noteDifferences(deps, seen)));
    }),
  ];
}

/** A closed period is read until a digest covers it, an open one now and then. */
async function readWhatMoved(
  { db, wallClock }: ReconciliationDeps,
  periods: readonly reconciliationWalks.WalkedPeriodRow[],
): Promise<void> {
  const now = wallClock.now();
  const compared = await reconciliations.listOfPeriods(db, periods);
  for (const period of periods) {
    const { accountId, periodStart, closedAt, isUndigested } = period;
    const rows = compared.filter(
      (row) => row.accountId === accountId && row.periodStart.getTime() === periodStart.getTime(),
    );
    const readMs = Math.max(
      0,
      ...rows.map(({ stored }) => (stored === null ? 0 : Date.parse(stored.readAt))),
    );
    const isUnread = rows.length > 0 && now.getTime() - readMs >= readingKeptMs;
    if (closedAt === null ? isUnread : isUndigested) await beginReading(db, period, now);
  }
}
