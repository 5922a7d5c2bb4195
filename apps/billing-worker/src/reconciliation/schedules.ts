import type { Db } from "@driftlock/db";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Schedule } from "../schedules.ts";
import { beginReading } from "./begin-reading.ts";
import { readRecords } from "./read-records.ts";
import { allPeriodsWalk, closedPeriodsWalk, takeWalkStep } from "./walk-periods.ts";

export interface ReconciliationDeps {
  db: Db;
  clock: Clock;
  wallClock: Clock;
  log: Logger;
}

const tickMs = 1_000;

/** What compares, all the time (ADR 0022). Each tick does a bounded piece of work; several workers share it. */
export function reconciliationSchedules(deps: ReconciliationDeps): Schedule[] {
  const { db, wallClock } = deps;
  const visit = async (periods: Parameters<Parameters<typeof takeWalkStep>[2]>[0]) => {
    for (const period of periods.filter(({ isUndigested }) => isUndigested))
      await beginReading(db, period, wallClock.now());
  };
  return [
    {
      name: "walk-closed-periods",
      intervalMs: tickMs,
      run: () => takeWalkStep(deps, closedPeriodsWalk(deps), visit),
    },
    {
      name: "walk-all-periods",
      intervalMs: tickMs,
      run: () => takeWalkStep(deps, allPeriodsWalk(deps), visit),
    },
    { name: "read-records", intervalMs: tickMs, run: () => readRecords(deps) },
  ];
}
