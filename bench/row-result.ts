import type { LoadReport } from "./generator/run-load.ts";
import type { Visibility } from "./measure/probe-visibility.ts";
import type { Backlog } from "./measure/watch-backlog.ts";
import type { ProcessCost } from "./measure/watch-processes.ts";
import type { RowPlan } from "./rows.ts";

/** What was seen while a row ran. */
export interface Measured {
  report: LoadReport;
  visibility: Visibility | null;
  backlog: Backlog;
  /** From the end of the measurement until Postgres had everything. */
  drainMs: number;
  isDrained: boolean;
  processes: Record<string, ProcessCost>;
  /** By which Redis's memory grew, once all was stored. */
  redisBytes: number;
  /** The last lines of it. */
  gatewayLog: string;
}

/** One row of bench/results/latest.json. */
export interface RowResult {
  name: string;
  what: string;
  /** Accepted a second, over the measurement; of quota checks, those that were answered. */
  eventsPerSecond: number;
  /** Of the measurement's whole seconds, the slowest and the fastest. */
  perSecondMin: number;
  perSecondMax: number;
  seconds: number;
  ratioToCopy: number | null;
  copyRowsPerSecond: number | null;
  p50Ms: number | null;
  p99Ms: number | null;
  /** Distinct events that were answered as taken, from the first request to the last, those of the probe with them. */
  accepted: number;
  /** As the answers say; where requests were sent again, what they repeated is in here. */
  duplicates: number;
  stored: number;
  /** Whether the backlog stayed as it was from the middle of the measurement to its end. */
  isSustained: boolean;
  backlog: Backlog;
  drainMs: number;
  visibility: Visibility | null;
  /** Requests that were sent again, by why. */
  retries: Record<string, number>;
  unsent: number;
  /** From the measurement's beginning until all was stored: CPU for each event accepted in it, and the most memory. */
  processes: Record<string, { cpuMicrosecondsPerEvent: number; residentBytesMax: number }>;
  /** The generator's own cost of an event. */
  generatorMicrosecondsPerEvent: number;
  redisBytesPerEvent: number;
  correct: boolean;
  faults: string[];
}

/** So much more may wait at the end than in the middle, in seconds of the rate: batches come and go. */
const BACKLOG_SECONDS_MAX = 0.5;

/** Puts a row's figures together. */
export function summarize(
  plan: RowPlan,
  found: { measured: Measured; stored: number; faults: string[]; copyRowsPerSecond: number | null },
): RowResult {
  const { report, backlog, visibility, drainMs, processes, redisBytes } = found.measured;
  const { whole, before, measured, measuredMs, perSecond } = report;
  const eventsPerSecond = (measured / measuredMs) * 1_000;
  const events = Math.max(1, whole.accepted - before.accepted);
  const round = (value: number, digits: number) => Number(value.toFixed(digits));
  const ms = (value: number | null) => (value === null ? null : round(value, 2));
  const { copyRowsPerSecond, faults, stored } = found;
  return {
    name: plan.name,
    what: plan.what,
    eventsPerSecond: Math.round(eventsPerSecond),
    perSecondMin: perSecond.length === 0 ? 0 : Math.min(...perSecond),
    perSecondMax: Math.max(0, ...perSecond),
    seconds: round(measuredMs / 1_000, 1),
    ratioToCopy: copyRowsPerSecond === null ? null : round(eventsPerSecond / copyRowsPerSecond, 3),
    copyRowsPerSecond: copyRowsPerSecond === null ? null : Math.round(copyRowsPerSecond),
    p50Ms: ms(report.p50Ms),
    p99Ms: ms(report.p99Ms),
    accepted: whole.distinct + (visibility?.probes ?? 0),
    duplicates: whole.duplicates,
    stored,
    isSustained: backlog.eventsEnd - backlog.eventsMiddle <= eventsPerSecond * BACKLOG_SECONDS_MAX,
    backlog,
    drainMs: Math.round(drainMs),
    visibility,
    retries: report.retries,
    unsent: report.unsent,
    processes: Object.fromEntries(
      Object.entries(processes).map(([name, { cpuMicroseconds, residentBytesMax }]) => [
        name,
        { cpuMicrosecondsPerEvent: round(cpuMicroseconds / events, 2), residentBytesMax },
      ]),
    ),
    generatorMicrosecondsPerEvent: round(report.cpuMicroseconds / Math.max(1, measured), 2),
    redisBytesPerEvent: Math.round(redisBytes / Math.max(1, whole.accepted)),
    correct: faults.length === 0,
    faults,
  };
}
