import type { AccountLimits, Aggregation, MetricLimit, UsageEvent } from "@driftlock/contracts";
import type { ReadPosition, RedisClient, StreamRow } from "../src/index.ts";
import {
  type AcceptUsageCall,
  type AcceptOutcome,
  acceptUsage,
  createReadLimits,
  decodeRows,
  keys,
  openStream,
  seedCounters,
  type CounterSnapshot,
} from "../src/index.ts";

export const dayMs = 24 * 60 * 60 * 1000;
export const startMs = Date.UTC(2026, 2, 1);
export const nowMs = startMs + 10 * dayMs;

export const limitOf = (
  limit: number | null,
  policy: MetricLimit["policy"] = limit === null ? "unlimited" : "refuse",
  aggregation: Aggregation = "sum",
): MetricLimit => ({
  limit,
  policy,
  aggregation,
  hardLimit: null,
  uniqueProperty: aggregation === "unique" ? "who" : null,
  isClosed: false,
});

/** One open period of 30 days around `nowMs`, and the next. */
export function limitsOf(
  accountId: string,
  metrics: Record<string, MetricLimit>,
  version = 1,
): AccountLimits {
  const endMs = startMs + 30 * dayMs;
  return {
    accountId,
    version,
    validUntilMs: endMs,
    segments: [
      { startMs, endMs, isClosed: false, planId: "free", metrics },
      { startMs: endMs, endMs: endMs + 30 * dayMs, isClosed: false, planId: "free", metrics },
    ],
  };
}

export const eventOf = (accountId: string, id: string, event: Partial<UsageEvent> = {}): UsageEvent => ({
  accountId,
  id,
  metric: "events",
  quantity: 1,
  occurredAtMs: nowMs,
  receivedAtMs: nowMs,
  propertiesJson: null,
  ...event,
});

export const origin = { epoch: "", streamId: "0-0" };

const readLimits = createReadLimits();

/** Decides with the limits that lie in Redis now, as a gateway that has just read them. */
export async function accept(
  redis: RedisClient,
  events: readonly UsageEvent[],
  call: Partial<Pick<AcceptUsageCall, "mode" | "wallNowMs" | "checks">> & { now?: number } = {},
): Promise<AcceptOutcome> {
  const { now = nowMs, ...options } = call;
  const accountIds = [...new Set(events.map(({ accountId }) => accountId))];
  const read = await readLimits(redis, { partition: 0, accountIds, nowMs: now });
  const known = new Map(read.map((resolved) => [resolved.limits.accountId, resolved]));
  const limitsOfKnown = (accountId: string) => known.get(accountId);
  return acceptUsage(redis, {
    ...{ partition: 0, mode: "each", wallNowMs: 0, limitsOf: limitsOfKnown },
    ...options,
    events,
  });
}

/** Builds the counters of one account. @returns false where its snapshot was too old. */
export const seed = async (
  redis: RedisClient,
  account: Omit<CounterSnapshot, "totals"> & Partial<CounterSnapshot>,
  position = origin,
): Promise<boolean> =>
  (await seedCounters(redis, 0, { accounts: [{ totals: [], ...account }], position })).length === 0;

const toEvent = (row: StreamRow): UsageEvent => ({
  accountId: row.accountId,
  id: row.id,
  metric: row.metric,
  quantity: row.quantity,
  occurredAtMs: row.occurredAtMs,
  receivedAtMs: row.receivedAtMs,
  propertiesJson: row.propertiesJson,
});

/** What lies in the stream behind a position, as events; fields as they are written. */
export async function readEntries(redis: RedisClient, after = "0-0") {
  const entries = await redis.xrangeBuffer(keys.stream(0), `(${after}`, "+");
  return entries.map(([id, fields]) => {
    const at = fields.findIndex((field) => field.toString() === "d");
    return {
      position: { epoch: "", streamId: id.toString() },
      events: decodeRows(fields[at + 1] ?? Buffer.of()).map(toEvent),
    };
  });
}

/** What the aggregator reads of the stream from here on, and where that ends. */
export async function readOn(redis: RedisClient, from: ReadPosition): Promise<ReadPosition> {
  const { epoch, read } = await openStream(redis, 0, from);
  const { entries, lastRead } = await read(from, 1_000_000);
  return { epoch, streamId: entries.at(-1)?.streamId ?? from.streamId, lastRead };
}
