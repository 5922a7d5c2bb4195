import { type Db, type Transaction, usageGenerations, usageIndexes, type usageRecords } from "@driftlock/db";
import { seenMsMin, type StreamPosition, type StreamRow } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import { type Commit, createCommitLog } from "./commit-log.ts";
import { createFilterKeeper } from "./filter-keeper.ts";
import { createFilterMemory } from "./filter-memory.ts";
import { findHits } from "./id-filter.ts";
import { type HashedRows, hashRows } from "./id-hashes.ts";
import { createIdSet, hasAny, type IdSet } from "./id-set.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** An id counts once for so long from its receipt. */
export const knownForMs = 35 * dayMs;
/** Filters are held for longer, for rows that waited in the stream. */
const backlogMs = dayMs;
const wantedPerQuery = 20_000;
/**
 * How old an event may be, since it was accepted, that goes into a generation without an index, and such a generation
 * until it gets one: so that the guard knows every id in there, and the gateway need not look (ADR 0037).
 */
const unindexedMsMax = 0.4 * seenMsMin;

type Current = usageGenerations.CurrentGeneration;
type Sealed = usageGenerations.SealedGenerationRow;
export type KnownEvent = usageRecords.KnownEventRow;

/** What a transaction has to know is told by the index of this generation alone, which is to be made first. */
export class IndexNeededError extends Error {
  readonly generation: number;

  constructor(generation: number) {
    super(`generation ${generation} of the records needs its index`);
    this.generation = generation;
  }
}

export interface KnownIds {
  /**
   * The table that this transaction writes to: the current generation's, until the transaction's end. To be asked for
   * once in each transaction, behind the lock of the position.
   */
  currentTable(tx: Transaction, partition: number): Promise<Current>;
  /**
   * Where the current generation has no index that would refuse a repeat: that none of these rows, all that follow the
   * position `from` and the oldest of them accepted at `acceptedSinceMs`, is stored in it. @throws IndexNeededError where
   * one may be, not all is known, or the guard may have forgotten them.
   */
  verifyNew(
    at: { current: Current; partition: number },
    batch: { from: StreamPosition; acceptedSinceMs: number; rows: readonly StreamRow[] },
  ): void;
  /**
   * Which of these rows' ids are stored in a generation before `current`, received within 35 days before them. Exact:
   * filters only spare look-ups. @throws IndexNeededError.
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
  /**
   * Runs `work`, a transaction, again for as long as it needs an index: that is made outside of it, since its making
   * waits for writers. Throws what it throws otherwise.
   */
  withIndexes<T>(work: () => Promise<T>): Promise<T>;
  /** Makes the indexes that are due. Throws UNAVAILABLE. */
  makeDueIndexes(): Promise<void>;
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
  const ofBatch = createIdSet();
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

  /** All ids of one of the generations that `openings` tells of, up to `until` where that is the last one; null: unknown. */
  function idsOf(
    { openings }: Current,
    { partition, generation, until }: { partition: number; generation: number; until?: StreamPosition },
  ): IdSet | null {
    const index = openings.findIndex((each) => each.generation === generation);
    const from = openings[index];
    const to = openings[index + 1] ?? until;
    if (from === undefined || to === undefined) return null;
    return commits.find({ partition, generation, from, to });
  }

  const verifyNew: KnownIds["verifyNew"] = ({ current, partition }, { from, acceptedSinceMs, rows }) => {
    const { generation, isIndexed } = current;
    if (isIndexed) return;
    const ids = idsOf(current, { partition, generation, until: from });
    const isOld = Date.now() - acceptedSinceMs > unindexedMsMax;
    if (ids === null || isOld) throw new IndexNeededError(generation);
    const hashes = hash(rows);
    ofBatch.clear();
    const isTwice = ofBatch.add(hashes.hashes) < rows.length;
    if (isTwice || hasAny(ids, hashes)) throw new IndexNeededError(generation);
  };

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
    const unindexed = new Set(
      current.openings.filter(({ isIndexed }) => !isIndexed).map(({ generation }) => generation),
    );
    for (const { generation } of wanted) {
      if (unindexed.has(generation)) {
        const ids = idsOf(current, { partition, generation });
        if (ids === null || hasAny(ids, hash(rows))) throw new IndexNeededError(generation);
        continue;
      }
      const filter = filters.find(partition, generation);
      for (const row of filter === undefined ? rows : findHits(filter, hash(rows))) {
        candidates.push(toWanted(generation, row));
        if (candidates.length >= wantedPerQuery) await look();
      }
    }
    await look();
    return [...known.values()];
  };

  async function makeIndex(generation: number): Promise<void> {
    const startedAt = performance.now();
    const result = await usageIndexes.makeIndex(db, generation);
    if (result === null) return;
    const seconds = (performance.now() - startedAt) / 1_000;
    if (result.made === "made") log.info({ generation, seconds }, "usage-generation.indexed");
    else log.error({ generation, seconds, detail: result.detail }, "usage-generation.has-repeats");
  }

  return {
    currentTable: (tx, partition) => usageGenerations.lockCurrent(tx, partition),
    verifyNew,
    findOlder,
    withIndexes: async (work) => {
      for (;;) {
        try {
          return await work();
        } catch (error) {
          if (!(error instanceof IndexNeededError)) throw error;
          await makeIndex(error.generation);
        }
      }
    },
    makeDueIndexes: async () => {
      for (const { generation } of await usageIndexes.listDueIndexes(db, unindexedMsMax))
        await makeIndex(generation);
    },
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
      const isUnindexed = (each: Sealed) => !each.isIndexed;
      const generations = needed.map((each) => each.generation);
      const unindexed = new Set(needed.filter(isUnindexed).map((each) => each.generation));
      await keeper.run(generations, { current: generation, unindexed });
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
