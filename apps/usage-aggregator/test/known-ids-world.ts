import { createTestDatabase } from "@driftlock/devkit";
import {
  createDb,
  sql,
  type Transaction,
  usageGenerations,
  usageRecords,
  usageStreamPositions,
} from "@driftlock/db";
import { decodeRows, partitionOf, rowBytesMax, type StreamRow, writeRow } from "@driftlock/redis";
import { createLogger, Lifecycle } from "@driftlock/runtime";
import { createKnownIds } from "../src/known-ids/known-ids.ts";

export const dayMs = 24 * 60 * 60 * 1000;
export const startMs = Date.parse("2026-03-01T00:00:00Z");
export const partitions = 4;

export type KnownIdsWorld = Awaited<ReturnType<typeof openKnownIdsWorld>>;

interface Event {
  accountId: string;
  id: string;
  quantity?: number;
  propertiesJson?: string | null;
  receivedAtMs?: number;
}

export function rowsOf(events: readonly Event[]): StreamRow[] {
  const whole = events.map((event) => ({
    metric: "events",
    quantity: 1,
    occurredAtMs: startMs,
    receivedAtMs: startMs,
    propertiesJson: null,
    ...event,
  }));
  const sorted = whole.sort((one, other) =>
    Buffer.compare(Buffer.from(keyOf(one)), Buffer.from(keyOf(other))),
  );
  const target = Buffer.alloc(sorted.reduce((sum, event) => sum + rowBytesMax(event), 0));
  return decodeRows(
    target.subarray(
      0,
      sorted.reduce((at, event) => writeRow(target, at, event), 0),
    ),
  );
}

export const keyOf = ({ accountId, id }: { accountId: string; id: string }): string => `${accountId} ${id}`;

interface CommitOptions {
  /** Called behind the lock of the table. */
  pause?: (tx: Transaction) => Promise<void>;
  /** It ends before it can remember what it has committed. */
  isKilled?: boolean;
  acceptedSinceMs?: number;
}

/** A database of one's own, and what is a process to it: any number, each with its own memory. */
export async function openKnownIdsWorld() {
  const life = new Lifecycle();
  const database = life.own("database", await createTestDatabase(), ({ drop }) => drop());
  const queries: string[] = [];
  const open = () =>
    createDb({
      connectionString: database.url,
      applicationName: "test",
      connectionsMax: 8,
      onQuery: (name) => queries.push(name),
    });
  const db = life.own("pool", open(), (pool) => pool.end());
  await usageStreamPositions.insertPositionsIfMissing(db, partitions);
  const time = { nowMs: startMs };
  const clock = { now: () => new Date(time.nowMs) };
  const told: string[] = [];
  const log = createLogger({ name: "test", level: "silent" });
  log.info = (_fields: unknown, message?: string) => void told.push(message ?? "");
  let entries = 0;

  /** The aggregator's part in small: position, table, older ids, records in one transaction. */
  function startWriter({ owned = [0, 1, 2, 3], filterBytesMax = 2 ** 24 } = {}) {
    const knownIds = createKnownIds({
      db,
      log,
      clock,
      partitions,
      ownedPartitions: () => owned,
      filterBytesMax,
    });

    /** @returns the ids that were known. Indexes that are needed are made, as `commitBatch` does. */
    async function commit(
      partition: number,
      rows: readonly StreamRow[],
      { pause, isKilled = false, acceptedSinceMs = Date.now() }: CommitOptions = {},
    ): Promise<string[]> {
      const { fence, epoch, streamId } = (await usageStreamPositions.findPosition(db, partition))!;
      const move = {
        partition,
        fence,
        from: { epoch, streamId },
        to: { epoch: "e", streamId: `${++entries}-0`, lastRead: "" },
      };
      const store = async (tx: Transaction) => {
        if (!(await usageStreamPositions.advancePosition(tx, move))) throw new Error("moved");
        const current = await knownIds.currentTable(tx, partition);
        await pause?.(tx);
        knownIds.verifyNew({ current, partition }, { from: move.from, acceptedSinceMs, rows });
        const older = await knownIds.findOlder(tx, { current, partition }, rows);
        const keys = new Set(older.map(keyOf));
        const fresh = rows.filter((row) => !keys.has(keyOf(row)));
        await usageRecords.copyRecords(tx, current.tableName, Buffer.concat(fresh.map(({ bytes }) => bytes)));
        return { generation: current.generation, keys: [...keys] };
      };
      const done = await knownIds.withIndexes(() => db.transaction(store));
      if (!isKilled) knownIds.added({ ...move, generation: done.generation }, rows);
      return done.keys;
    }

    return {
      knownIds,
      commit,
      /** What is known of these rows, whatever their generation. */
      find: (partition: number, rows: readonly StreamRow[]) =>
        knownIds.withIndexes(() =>
          db.transaction(async (tx) => {
            const current = await knownIds.currentTable(tx, partition);
            return knownIds.findOlder(tx, { current, partition }, rows);
          }),
        ),
      keepFilters: async (times = 1) => {
        for (let time = 0; time < times; time++) await knownIds.keepFilters();
      },
    };
  }

  return {
    db,
    log,
    time,
    clock,
    told,
    queries,
    startWriter,
    databaseUrl: database.url,
    rotate: async () => {
      const { generation } = await usageGenerations.findCurrent(db);
      return db.transaction((tx) => usageGenerations.rotate(tx, generation, clock.now()));
    },
    count: async () =>
      (await db.row<{ count: number }>("test", sql`select count(*) as count from usage_records`))!.count,
    query: <Row>(text: TemplateStringsArray, ...values: unknown[]) =>
      db.rows<Row>("test", sql(text, ...values)),
    close: () => life.close(),
  };
}

/** Accounts of a partition. */
export const accountsOf = (partition: number, count = 3): string[] => {
  const found: string[] = [];
  for (let index = 0; found.length < count; index++)
    if (partitionOf(`acct_${index}`, partitions) === partition) found.push(`acct_${index}`);
  return found;
};
