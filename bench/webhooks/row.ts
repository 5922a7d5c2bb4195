import type { ProcessCost } from "../measure/watch-processes.ts";
import type { DeliveryReport } from "./deliver.ts";

/** One row of bench/results/webhooks.json. */
export interface WebhookRow {
  name: string;
  what: string;
  events: number;
  /** Answered with 200 a second; of the peer: applied. */
  acceptedPerSecond: number | null;
  p50Ms: number | null;
  p99Ms: number | null;
  maxMs: number | null;
  /** Recorded with their effect, from the first delivery (or the start of the worker) to the last record. */
  recordedPerSecond: number | null;
  /** From the first delivery until every object is as Stripe has it. */
  convergedSeconds: number | null;
  /** Reads of subscriptions: in all, and in the second that had the most. */
  fetches: number | null;
  fetchesPerSecondMax: number | null;
  /** For each event of the row. */
  processes: Record<string, { cpuMicrosecondsPerEvent: number; residentBytesMax: number }>;
  correct: boolean;
  faults: string[];
}

export const round = (value: number, digits: number) => Number(value.toFixed(digits));
const orNull = (value: number | null, digits: number) => (value === null ? null : round(value, digits));

const unmeasured = {
  acceptedPerSecond: null,
  p50Ms: null,
  p99Ms: null,
  maxMs: null,
  recordedPerSecond: null,
  convergedSeconds: null,
  fetches: null,
  fetchesPerSecondMax: null,
};

type Found = Pick<WebhookRow, "name" | "what" | "events" | "faults"> &
  Partial<WebhookRow> & { costs: Record<string, ProcessCost> };

/** A row of what was found; what it does not measure is null. */
export function makeRow({ costs, ...found }: Found): WebhookRow {
  const processes = Object.fromEntries(
    Object.entries(costs).map(([name, { cpuMicroseconds, residentBytesMax }]) => [
      name,
      { cpuMicrosecondsPerEvent: round(cpuMicroseconds / found.events, 1), residentBytesMax },
    ]),
  );
  return { ...unmeasured, ...found, processes, correct: found.faults.length === 0 };
}

export const answered = ({ sent, seconds, p50Ms, p99Ms, maxMs }: DeliveryReport) => ({
  acceptedPerSecond: Math.round(sent / seconds),
  p50Ms: orNull(p50Ms, 1),
  p99Ms: orNull(p99Ms, 1),
  maxMs: orNull(maxMs, 1),
});

/** What is wrong with the answers: every delivery is to be taken. */
export const faultsOf = ({ statuses, sent, refusal }: DeliveryReport): string[] =>
  statuses["200"] === sent
    ? []
    : [`${sent} deliveries were answered ${JSON.stringify(statuses)}, the first refused with ${refusal}`];
