import { randomUUID } from "node:crypto";
import type { AccountLimits } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { toAppError } from "../errors.ts";
import { counterField, keys } from "../keys.ts";
import { loadScript } from "../script.ts";

/** How far into a partition's stream something reaches: all entries of this epoch up to and with this id. */
export interface StreamPosition {
  epoch: string;
  streamId: string;
}

export interface SegmentTotal {
  segmentStartMs: number;
  metric: string;
  quantity: number;
  lastOccurredAtMs: number;
}

/** Limits, the totals of their segments, and the values that its `unique` metrics have seen in each. */
export interface CounterSnapshot {
  limits: AccountLimits;
  totals: readonly SegmentTotal[];
  uniques?: readonly UniqueTotal[];
  holds?: readonly SnapshotHold[];
}

/** An open reservation; one that is not decided yet is held until it is. */
export interface SnapshotHold {
  reservationNo: number;
  isDecided: boolean;
  expiresAtMs: number;
  items: readonly { metric: string; quantity: number }[];
}

export interface UniqueTotal {
  segmentStartMs: number;
  metric: string;
  values: readonly string[];
}

/** Some ten milliseconds of Redis. */
const bytesMax = 1_000_000;
const valuesMax = 1_000;
const collectedSeconds = 600;
const script = loadScript("seed-counters");

/** As the script takes it: account from 1, segment's start, metric, quantity, newest event, number of its sets. */
type TotalRow = string[];
type Reply =
  | [kind: 0]
  | [kind: 1, epoch: string, streamId: string, totals: TotalRow[]]
  | [kind: 2, newer: string[]];

/**
 * Builds accounts' live counters from one snapshot of Postgres (limits, totals, and the position they reach to) plus
 * what the stream holds behind it. @returns the accounts whose snapshot is too old by now: take another. Throws
 * UNAVAILABLE; what a death in between leaves is gone in ten minutes.
 */
export async function seedCounters(
  redis: RedisClient,
  partition: number,
  { accounts, position }: { accounts: readonly CounterSnapshot[]; position: StreamPosition },
): Promise<string[]> {
  const accountIds = accounts.map(({ limits }) => limits.accountId);
  const sets = await collectUniques(redis, partition, accounts);
  const documents = accounts.map(({ limits, holds = [] }) => [
    limits.accountId,
    JSON.stringify(limits),
    holds.map(toHoldRow),
  ]);
  let totals = [...toTotalRows(accounts), ...sets.rows];
  let reached: StreamPosition = { epoch: "", streamId: "" };
  for (;;) {
    const reply = (await script(
      redis,
      [...partitionKeys(partition), ...sets.keys],
      [
        randomUUID(),
        position.epoch,
        position.streamId,
        reached.epoch,
        reached.streamId,
        bytesMax,
        JSON.stringify({ accounts: documents, totals }),
      ],
    )) as Reply;
    if (reply[0] === 0) return accountIds;
    if (reply[0] === 2) return reply[1];
    reached = { epoch: reply[1], streamId: reply[2] };
    totals = reply[3];
  }
}

const toHoldRow = ({ reservationNo, isDecided, expiresAtMs, items }: SnapshotHold) => [
  String(reservationNo),
  isDecided ? "1" : "0",
  String(expiresAtMs),
  items.flatMap(({ metric, quantity }) => [metric, String(quantity)]),
];

const partitionKeys = (partition: number): string[] => [
  keys.meta(partition),
  keys.stream(partition),
  keys.limits(partition),
  keys.marks(partition),
  keys.built(partition),
  keys.live(partition),
  keys.held(partition),
  keys.holds(partition),
];

const toTotalRows = (accounts: readonly CounterSnapshot[]): TotalRow[] =>
  accounts.flatMap(({ limits, totals }, index) => {
    const uniques = listUniques(limits);
    return totals
      .filter(({ segmentStartMs, metric }) => !uniques.some(isOf(segmentStartMs, metric)))
      .map(({ segmentStartMs, metric, quantity, lastOccurredAtMs }) =>
        [index + 1, segmentStartMs, metric, quantity, lastOccurredAtMs, 0].map(String),
      );
  });

const listUniques = ({ segments }: AccountLimits) =>
  segments.flatMap(({ startMs, metrics }) =>
    Object.entries(metrics)
      .filter(([, { aggregation }]) => aggregation === "unique")
      .map(([metric]) => ({ segmentStartMs: startMs, metric })),
  );

const isOf = (startMs: number, name: string) => (total: { segmentStartMs: number; metric: string }) =>
  total.segmentStartMs === startMs && total.metric === name;

/** Puts the values into sets of their own, which the script adds the tail's to and makes the counters' at its end. */
async function collectUniques(
  redis: RedisClient,
  partition: number,
  accounts: readonly CounterSnapshot[],
): Promise<{ keys: string[]; rows: TotalRow[] }> {
  const found: { keys: string[]; rows: TotalRow[] } = { keys: [], rows: [] };
  for (const [index, { limits, totals, uniques = [] }] of accounts.entries()) {
    for (const { segmentStartMs, metric } of listUniques(limits)) {
      const key = keys.unique(partition, counterField(limits.accountId, segmentStartMs, metric));
      const collected = `${key}:${randomUUID()}`;
      await addValues(redis, collected, uniques.find(isOf(segmentStartMs, metric))?.values ?? []);
      found.keys.push(collected, key);
      const lastMs = totals.find(isOf(segmentStartMs, metric))?.lastOccurredAtMs ?? 0;
      found.rows.push([index + 1, segmentStartMs, metric, 0, lastMs, found.keys.length / 2].map(String));
    }
  }
  return found;
}

async function addValues(redis: RedisClient, key: string, values: readonly string[]): Promise<void> {
  try {
    for (let at = 0; at < values.length; at += valuesMax) {
      await redis.sadd(key, ...values.slice(at, at + valuesMax));
      await redis.expire(key, collectedSeconds);
    }
  } catch (error) {
    throw toAppError(error);
  }
}
