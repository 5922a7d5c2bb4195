import { countEvent } from "@driftlock/domain";
import type { StreamRow } from "@driftlock/redis";
import type { MetricDefinition, MetricDefinitions } from "./metric-directory.ts";
import { sortRows } from "./sort-rows.ts";

/** What the events of one minute add up to, by the metric's aggregation; `unique` is counted by Postgres. */
export interface MinuteUsage {
  minuteMs: number;
  quantity: number;
  eventCount: number;
  firstOccurredAtMs: number;
  lastOccurredAtMs: number;
}

export interface MetricUsage {
  metric: string;
  /** Null: there is no such metric. */
  definition: MetricDefinition | null;
  minutes: Map<number, MinuteUsage>;
}

export interface AccountUsage {
  accountId: string;
  /** As they were accepted. */
  rows: StreamRow[];
  metrics: Map<string, MetricUsage>;
}

/** Rows made ready to be written, with all that needs no database. */
export interface GroupedRows {
  /** In the order of their ids. */
  accounts: readonly AccountUsage[];
  /** In the order of the key, account and event id. */
  rows: readonly StreamRow[];
  /** The rows' tuples in that order. */
  tuples: Buffer;
}

const minuteMs = 60_000;

/**
 * Groups rows by account, metric and minute, in one pass, and sorts them. They move into the tuples, for which `take` gives
 * the room, so that what they were read from can be let go of.
 */
export function groupRows(
  rows: readonly StreamRow[],
  definitions: MetricDefinitions,
  take: (bytes: number) => Buffer = Buffer.allocUnsafe,
): GroupedRows {
  const byAccount = new Map<string, AccountUsage>();
  let account: AccountUsage | undefined;
  let usage: MetricUsage | undefined;
  let minute: MinuteUsage | undefined;
  // Neighbours are mostly of one account, metric and minute: only a change is looked up.
  for (const row of rows) {
    if (account === undefined || account.accountId !== row.accountId) {
      account = accountOf(byAccount, row.accountId);
      usage = undefined;
    }
    if (usage === undefined || usage.metric !== row.metric) {
      usage = metricOf(account, row.metric, definitions);
      minute = undefined;
    }
    const at = row.occurredAtMs - (row.occurredAtMs % minuteMs);
    if (minute === undefined || minute.minuteMs !== at) minute = minuteOf(usage, at);
    account.rows.push(row);
    addRow(minute, usage.definition, row);
  }
  const accounts = [...byAccount.values()].sort((one, other) => (one.accountId < other.accountId ? -1 : 1));
  const sorted: StreamRow[] = [];
  for (const { rows: unsorted } of accounts) for (const row of sortRows(unsorted)) sorted.push(row);
  return { accounts, rows: sorted, tuples: joinTuples(sorted, take) };
}

function accountOf(accounts: Map<string, AccountUsage>, accountId: string): AccountUsage {
  let account = accounts.get(accountId);
  if (account === undefined) {
    account = { accountId, rows: [], metrics: new Map() };
    accounts.set(accountId, account);
  }
  return account;
}

function metricOf({ metrics }: AccountUsage, metric: string, definitions: MetricDefinitions): MetricUsage {
  let usage = metrics.get(metric);
  if (usage === undefined) {
    usage = { metric, definition: definitions.get(metric) ?? null, minutes: new Map() };
    metrics.set(metric, usage);
  }
  return usage;
}

function minuteOf({ minutes }: MetricUsage, at: number): MinuteUsage {
  let minute = minutes.get(at);
  if (minute === undefined) {
    minute = { minuteMs: at, quantity: 0, eventCount: 0, firstOccurredAtMs: Infinity, lastOccurredAtMs: 0 };
    minutes.set(at, minute);
  }
  return minute;
}

function addRow(minute: MinuteUsage, definition: MetricDefinition | null, row: StreamRow): void {
  const { occurredAtMs } = row;
  if (definition !== null) minute.quantity = countEvent(definition.aggregation, minute, row).quantity;
  minute.eventCount++;
  if (occurredAtMs < minute.firstOccurredAtMs) minute.firstOccurredAtMs = occurredAtMs;
  if (occurredAtMs > minute.lastOccurredAtMs) minute.lastOccurredAtMs = occurredAtMs;
}

function joinTuples(rows: readonly StreamRow[], take: (bytes: number) => Buffer): Buffer {
  const tuples = take(rows.reduce((bytes, { start, end }) => bytes + end - start, 0));
  let at = 0;
  for (const row of rows) at = row.moveTo(tuples, at);
  return tuples;
}
