import { type Db, type Transaction, usageGenerations, type usageRecords } from "@driftlock/db";
import type { StreamRow } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import { type Commit, createCommitLog } from "./commit-log.ts";
import { createFilterKeeper } from "./filter-keeper.ts";
import { createFilterMemory } from "./filter-memory.ts";
import { findHits } from "./id-filter.ts";
import { type HashedRows, hashRows } from "./id-hashes.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** An id counts once for so long from its receipt. */
export const knownForMs = 35 * dayMs;
/** Filters are held for longer, for rows that waited in the stream. */
const backlogMs = dayMs;
const wantedPerQuery = 20_000;

type Current = usageGenerations.CurrentGeneration;
type Sealed = usageGenerations.SealedGenerationRow;
export type KnownEvent = usageRecords.KnownEventRow;

export interface KnownIds {
  /**
   * The table that this transaction writes to: the current generation's, until the transaction's end. To be asked for
   * once in each transaction, behind the lock of the position.
   */
  currentTable(tx: Transaction): Promise<Current>;
  /**
   * Which of these rows' ids are stored in a generation before `current`, received within 35 days before them. Exact:
   * filters only spare look-ups.
   */
  findOlder(
    tx: Transaction,
    at: { current: Current; partition: number },
    rows: readonly StreamRow[],
  ): Promise<KnownEvent[]>;
  /** The same with the current generation: for a batch that its index has refused. */
  findStored(
    tx: Transaction,
    at: { current: Current; partition: number },
    rows: readonly StreamRow[],
  ): Promise<KnownEvent[]>;
  /** To be told after each commit of a partition, before its next: also where no row was stored. */
  added(commit: Commit, rows: readonly StreamRow[]): void;
  /** Gets filters for the sealed generations of the partitions that are owned. Throws UNAVAILABLE. */
  keepFilters(): Promise<void>;
}

interface Deps {
  db: Db;
  log: Logger;
  clock: Clock;
  /** Of the installation. */
  partitions: number;
  /** Of this process, now. */
  ownedPartitions: () => readonly number[];
  /** What does not fit is looked up. */
  filterBytesMax: number;
}

/** Who knows which ids were stored before the current generation: one for a process. */
export function createKnownIds({
  db,
  log,
  clock,
  partitions,
  ownedPartitions,
  filterBytesMax,
}: Deps): KnownIds {
  const commits = createCommitLog();
  const filters = createFilterMemory(filterBytesMax);
  const keeper = createFilterKeeper({ db, log, partitions, ownedPartitions, commits, filters });
  const hashed = new WeakMap<readonly StreamRow[], HashedRows<StreamRow>>();
  // Only ever shrinks for the same current generation, so an older reading looks in too many, never in too few.
  let sealed: { before: number; generations: readonly Sealed[] } = { before: 0, generations: [] };

  /** Once for a batch: when it is looked for and when it is added. */
  function hash(rows: readonly StreamRow[]): HashedRows<StreamRow> {
    const known = hashed.get(rows) ?? hashRows(rows);
    hashed.set(rows, known);
    return known;
  }

  async function sealedBefore(tx: Transaction, generation: number): Promise<readonly Sealed[]> {
    if (sealed.before !== generation) {
      sealed = { before: generation, generations: await usageGenerations.listSealed(tx, generation) };
    }
    return sealed.generations;
  }

  const findOlder: KnownIds["findOlder"] = async (tx, { current, partition }, rows) => {
    const generations = await sealedBefore(tx, current.generation);
    if (generations.length === 0) return [];
    const oldestMs = rows.reduce((oldest, { receivedAtMs }) => Math.min(oldest, receivedAtMs), Infinity);
    const wanted = generations.filter((each) => isWithin(each, oldestMs - knownForMs));
    const known = new Map<string, KnownEvent>();
    let candidates: usageGenerations.WantedEvent[] = [];
    const look = async () => {
      if (candidates.length === 0) return;
      // Older generations first: the newest that holds an id decides.
      for (const each of await usageGenerations.listKnownIn(tx, candidates))
        known.set(`${each.accountId} ${each.id}`, each);
      candidates = [];
    };
    for (const { generation } of wanted) {
      const filter = filters.find(partition, generation);
      for (const row of filter === undefined ? rows : findHits(filter, hash(rows))) {
        candidates.push(toWanted(generation, row));
        if (candidates.length >= wantedPerQuery) await look();
      }
    }
    await look();
    return [...known.values()];
  };

  return {
    currentTable: (tx) => usageGenerations.lockCurrent(tx),
    findOlder,
    findStored: async (tx, at, rows) => {
      const older = await findOlder(tx, at, rows);
      const wanted = rows.map((row) => toWanted(at.current.generation, row));
      return [...older, ...(await usageGenerations.listKnownIn(tx, wanted))];
    },
    added: (commit, rows) => commits.append(commit, hash(rows).hashes),
    keepFilters: async () => {
      const { generation } = await usageGenerations.findCurrent(db);
      sealed = { before: generation, generations: await usageGenerations.listSealed(db, generation) };
      const sinceMs = clock.now().getTime() - knownForMs - backlogMs;
      const needed = sealed.generations.filter((each) => isWithin(each, sinceMs));
      await keeper.run(
        needed.map((each) => each.generation),
        generation,
      );
    },
  };
}

/** Whether the generation holds, or may hold, a record that was received then or later. */
const isWithin = ({ newestReceivedAt }: Sealed, sinceMs: number): boolean =>
  newestReceivedAt === null || newestReceivedAt.getTime() >= sinceMs;

const toWanted = (generation: number, row: StreamRow): usageGenerations.WantedEvent => ({
  generation,
  accountId: row.accountId,
  id: row.id,
  metric: row.metric,
  quantity: row.quantity,
  propertiesJson: row.propertiesJson,
});
