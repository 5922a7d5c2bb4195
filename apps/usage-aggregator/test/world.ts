import type { UsageEvent } from "@driftlock/contracts";
import { openTestStores } from "@driftlock/devkit";
import { createDb, seedCatalog, sql, usageStreamPositions } from "@driftlock/db";
import {
  createRedis,
  keys,
  openStream,
  partitionOf,
  type ReadPosition,
  rowBytesMax,
  writeRow,
} from "@driftlock/redis";
import { createLogger, createMetrics, Lifecycle } from "@driftlock/runtime";
import { afterAll } from "vitest";
import { createBatchRoom } from "../src/flush/batch-room.ts";
import { createMetricDirectory } from "../src/flush/metric-directory.ts";
import { commitBatch } from "../src/flush/commit-batch.ts";
import { type Batch, prepareBatch } from "../src/flush/prepare-batch.ts";
import { createKnownIds } from "../src/known-ids/known-ids.ts";
import { createMeasures } from "../src/measures.ts";
import { createGatewaySide } from "./gateway-side.ts";

export const dayMs = 24 * 60 * 60 * 1000;
export const partitions = 4;
/** Business time of every test: ten days into the first period of its accounts. */
export const openedAt = new Date("2026-03-01T00:00:00Z");
export const now = new Date(openedAt.getTime() + 10 * dayMs);

export type World = Awaited<ReturnType<typeof openWorld>>;

/** A database and a Redis of one's own, with what producers and the gateway do to them. */
export async function openWorld({ redisUrl }: { redisUrl?: string } = {}) {
  const life = new Lifecycle();
  const log = createLogger({ name: "test", level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
  const { db, redis, ...urls } = await openTestStores({
    life,
    redisUrl,
    openDb: (url) => createDb({ connectionString: url, applicationName: "test", connectionsMax: 6 }),
    openRedis: (url) =>
      createRedis({ url, connectionName: "test", purpose: "requests", onConnectionError: () => {} }),
  });
  await seedCatalog(db, { mode: "simulator", usagePartitions: partitions, now: openedAt });
  await usageStreamPositions.insertPositionsIfMissing(db, partitions);
  const clock = { now: () => now };
  const metrics = createMetricDirectory(db);
  const measures = createMeasures({
    metrics: createMetrics("test"),
    db,
    redis,
    clock,
    partitions,
    ownedPartitions: () => 0,
  });

  const knownIds = createKnownIds({
    db,
    log,
    clock,
    partitions,
    ownedPartitions: () => Array.from({ length: partitions }, (_, index) => index),
    filterBytesMax: 2 ** 20,
  });
  const resources = {
    db,
    redis,
    clock,
    metrics,
    knownIds,
    measures,
    log,
    room: createBatchRoom(6),
    flushIntervalMs: 5,
  };

  const gateway = createGatewaySide({ db, redis, partitions, openedAt, now });

  /** An account of its own for a test, and where it lies. */
  async function openNewAccount(planId?: "free" | "pro" | "business") {
    const accountId = newAccountId();
    await gateway.openAccount(accountId, planId);
    return { accountId, partition: partitionOf(accountId, partitions) };
  }

  /** What the owner of a partition has read and not committed yet. */
  async function nextBatch(partition: number): Promise<Batch> {
    const from = await position(partition);
    const { epoch, entries, lastRead } = await read(partition, from);
    const to = { epoch, streamId: entries.at(-1)?.streamId ?? from.streamId, lastRead };
    const place = await createBatchRoom(1).enter();
    return prepareBatch({ metrics, place }, { from, to, entries });
  }

  async function position(partition: number): Promise<ReadPosition & { fence: number }> {
    const found = await usageStreamPositions.findPosition(db, partition);
    if (found === null) throw new Error("no position");
    return found;
  }
  const read = async (partition: number, after: ReadPosition) => {
    const reader = await openStream(redis, partition, after);
    return { epoch: reader.epoch, ...(await reader.read(after, 10_000_000)) };
  };

  /** An entry as nobody of ours would write it. */
  async function appendRows(partition: number, rows: readonly UsageEvent[] | Buffer): Promise<void> {
    const data = Buffer.isBuffer(rows) ? rows : encodeRows(rows);
    await redis.hsetnx(keys.meta(partition), "epoch", "e");
    await redis.xadd(keys.stream(partition), "*", "v", "1", "a", " ", "d", data);
  }

  const query = <Row>(text: TemplateStringsArray, ...values: unknown[]) =>
    db.rows<Row>("test", sql(text, ...values));

  return {
    life,
    log,
    db,
    redis,
    clock,
    ...urls,
    resources,
    ...gateway,
    openNewAccount,
    appendRows,
    query,
    position,
    read,
    nextBatch,
    commit: async (partition: number, batch?: Batch, way: { expectsRepeats?: boolean } = {}) =>
      commitBatch(resources, batch ?? (await nextBatch(partition)), {
        ...way,
        partition,
        fence: (await position(partition)).fence,
      }),
    /** What is stored of a metric, summed from the records, and its total. */
    stored: async (accountId: string, metric = "events") => {
      const [row] = await query<{
        records: number;
        sum: number;
        total: number | null;
        minutes: number | null;
      }>`
        select count(*) as records, coalesce(sum(quantity), 0)::bigint as sum,
          (select sum(quantity)::bigint from usage_totals where account_id = ${accountId} and metric = ${metric}) as total,
          (select sum(quantity)::bigint from usage_minutes where account_id = ${accountId} and metric = ${metric}) as minutes
        from usage_records where account_id = ${accountId} and metric = ${metric}`;
      if (row === undefined) throw new Error("no row");
      return { records: row.records, sum: row.sum, total: row.total ?? 0, minutes: row.minutes ?? 0 };
    },
    close: () => life.close(),
  };
}

/** A world for the tests of one file, closed after them. */
export async function openFileWorld(): Promise<World> {
  const world = await openWorld();
  afterAll(() => world.close());
  return world;
}

function encodeRows(events: readonly UsageEvent[]): Buffer {
  const target = Buffer.alloc(events.reduce((bytes, event) => bytes + rowBytesMax(event), 0));
  return target.subarray(
    0,
    events.reduce((end, event) => writeRow(target, end, event), 0),
  );
}

let made = 0;
/** An account id of its own for each test. */
export const newAccountId = (): string => `acct_${++made}`;

export const eventOf = (accountId: string, id: string, event: Partial<UsageEvent> = {}): UsageEvent => ({
  accountId,
  id,
  metric: "events",
  quantity: 1,
  occurredAtMs: now.getTime(),
  receivedAtMs: now.getTime(),
  propertiesJson: null,
  ...event,
});
