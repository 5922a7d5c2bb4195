import { type Db, usageGenerations, usageIdFilters } from "@driftlock/db";
import type { Logger } from "@driftlock/runtime";
import type { CommitLog } from "./commit-log.ts";
import type { FilterMemory } from "./filter-memory.ts";
import { buildIdFilter, type IdFilter } from "./id-filter.ts";
import type { IdSet } from "./id-set.ts";
import { readIds } from "./read-ids.ts";

type Span = usageGenerations.GenerationSpanRow;

/** Looks after which ids are read back: a commit's answer may still be on its way. */
const looksBeforeReading = 3;

interface Deps {
  db: Db;
  log: Logger;
  /** Of the installation. */
  partitions: number;
  /** Of this process, now. */
  ownedPartitions: () => readonly number[];
  commits: CommitLog;
  filters: FilterMemory;
}

/**
 * Gets the filters of sealed generations for the partitions that this process owns: made from what it has committed
 * itself, where that is complete; else as somebody else has kept them; else from the records.
 */
export function createFilterKeeper({ db, log, partitions, ownedPartitions, commits, filters }: Deps) {
  const looks = new Map<string, number>();

  async function keep(span: Span, ids: IdSet): Promise<void> {
    const filter = await buildIdFilter(ids);
    await db.transaction((tx) =>
      usageIdFilters.insertFilter(tx, span, Buffer.from(filter.buffer, filter.byteOffset, filter.byteLength)),
    );
    filters.put(span.partition, span.generation, filter);
  }

  /** From memory alone. @returns the spans that it does not have all ids of. */
  async function keepOwn(spans: readonly Span[]): Promise<Span[]> {
    const missing: Span[] = [];
    for (const span of spans) {
      const from = { epoch: span.fromEpoch, streamId: span.fromStreamId };
      const to = { epoch: span.toEpoch, streamId: span.toStreamId };
      const isEmpty = from.epoch === to.epoch && from.streamId === to.streamId;
      const ids = commits.find({ partition: span.partition, generation: span.generation, from, to });
      if (isEmpty) filters.put(span.partition, span.generation, new Uint32Array());
      else if (ids !== null) await keep(span, ids);
      else missing.push(span);
    }
    return missing;
  }

  /** @returns the spans that nobody has kept a filter of. */
  async function load(spans: readonly Span[]): Promise<Span[]> {
    if (spans.length === 0) return [];
    const kept = await usageIdFilters.listFilters(db, spans);
    const missing: Span[] = [];
    for (const span of spans) {
      const { partition, generation } = span;
      const found = kept.find((each) => each.partition === partition && each.generation === generation);
      if (found === undefined) missing.push(span);
      else if (filters.hasRoom(generation, found.byteCount)) {
        const filter: IdFilter = new Uint32Array(found.byteCount / 4);
        const bytes = new Uint8Array(filter.buffer);
        if (await usageIdFilters.readFilter(db, span, bytes)) filters.put(partition, generation, filter);
      }
    }
    return missing;
  }

  /** Reads one generation for all partitions that lack it. */
  async function readBack(spans: readonly Span[]): Promise<void> {
    const due = spans.filter((span) => {
      const key = `${span.partition} ${span.generation}`;
      const count = (looks.get(key) ?? 0) + 1;
      looks.set(key, count);
      return count >= looksBeforeReading;
    });
    const [first] = due;
    if (first === undefined) return;
    const together = due.filter(({ generation }) => generation === first.generation);
    const wanted = new Set(together.map(({ partition }) => partition));
    const startedAt = performance.now();
    const logs = await db.transaction((tx) =>
      readIds(usageGenerations.copyIds(tx, first.generation), { partitions, wanted }),
    );
    for (const span of together) {
      const ids = logs.get(span.partition);
      logs.delete(span.partition);
      looks.delete(`${span.partition} ${span.generation}`);
      if (ids !== undefined) await keep(span, ids);
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    log.info({ generation: first.generation, partitions: [...wanted], seconds }, "usage-ids.read-back");
  }

  return {
    /**
     * One look at these generations, all sealed ones that are needed; what does not fit is left to be looked up. What was
     * committed itself to one that is `unindexed` stays known: nothing else says exactly what it holds.
     */
    run: async (
      generations: readonly number[],
      { current, unindexed }: { current: number; unindexed: ReadonlySet<number> },
    ): Promise<void> => {
      const owned = ownedPartitions();
      const isOwned = new Set(owned);
      const isNeeded = new Set(generations);
      filters.retain((partition, generation) => isOwned.has(partition) && isNeeded.has(generation));
      commits.retain(
        (partition, generation) =>
          isOwned.has(partition) &&
          (generation >= current ||
            unindexed.has(generation) ||
            (isNeeded.has(generation) && !filters.find(partition, generation))),
      );
      const lacking = generations.filter((generation) =>
        owned.some((partition) => filters.find(partition, generation) === undefined),
      );
      if (lacking.length === 0) return;
      const spans = await usageGenerations.listSpans(db, { generations: lacking, partitions: owned });
      const without = spans.filter(({ partition, generation }) => !filters.find(partition, generation));
      await readBack(await load(await keepOwn(without)));
    },
  };
}
