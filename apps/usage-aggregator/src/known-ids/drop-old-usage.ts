import { seriesKeptDays } from "@driftlock/contracts";
import {
  type Db,
  usageGenerations,
  usageGroups,
  usageIdFilters,
  usageTotals,
  usageUniqueValues,
} from "@driftlock/db";
import { readOldestMs, type RedisClient } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import { knownForMs } from "./known-ids.ts";

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
/** Periods are of a month; one that is longer is asked for its end. */
const periodMs = 31 * dayMs;
const rowsPerDelete = 5_000;
const deletesPerRun = 100;

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  log: Logger;
  /** Of the installation. */
  partitions: number;
  retentionDays: number;
}

/**
 * Drops generations of records that were all received before the retention, each as a whole, and what is past its time of
 * the usage by minute, hour and day, and of the values that `unique` metrics have seen. Totals stay. However short the
 * retention, an id is kept until nothing that waits in the stream can repeat it.
 */
export async function dropOldUsage(deps: Deps): Promise<void> {
  const { db, clock, log, retentionDays } = deps;
  const nowMs = clock.now().getTime();
  const retainedSinceMs = nowMs - retentionDays * dayMs;
  const { generation } = await usageGenerations.findCurrent(db);
  const sealed = await usageGenerations.listSealed(db, generation);
  for (const each of sealed) {
    if (each.newestReceivedAt === null && each.sealedAt.getTime() < nowMs - knownForMs)
      await usageGenerations.updateNewestReceived(db, each.generation);
  }
  const old = (sinceMs: number) =>
    sealed.filter(
      ({ newestReceivedAt }) => newestReceivedAt !== null && newestReceivedAt.getTime() < sinceMs,
    );
  const neededSinceMs = nowMs - knownForMs - (await oldestWaitingMs(deps)) - hourMs;
  for (const each of old(Math.min(retainedSinceMs, neededSinceMs))) {
    const isDropped = await db.transaction((tx) => usageGenerations.drop(tx, each.generation));
    if (isDropped) log.info({ generation: each.generation }, "usage-generation.dropped");
  }
  // Their ids are looked for by nobody but rows that waited a day: those take the index.
  for (const each of old(nowMs - knownForMs - dayMs)) await usageIdFilters.deleteFilters(db, each.generation);
  await dropOldSeries(db, nowMs);
  // A period takes events for as long as they may be late, and those that wait.
  const endedBefore = new Date(neededSinceMs - dayMs);
  const startedBefore = new Date(endedBefore.getTime() - periodMs);
  await deleteInSteps((limit) =>
    usageUniqueValues.deleteUniqueValues(db, { startedBefore, endedBefore, limit }),
  );
}

/** A day more than is answered stays: who asks for its first window finds all of it. Hours go whole days at a time. */
async function dropOldSeries(db: Db, nowMs: number): Promise<void> {
  const { whole, grouped } = seriesKeptDays;
  const before = (days: number) => new Date(Math.floor(nowMs / dayMs - days - 1) * dayMs);
  await deleteInSteps((limit) => usageTotals.deleteMinutes(db, before(whole.minute), limit));
  await deleteInSteps((limit) => usageTotals.foldOldHours(db, before(whole.hour), limit));
  for (const [windowMinutes, days] of [
    [1, grouped.minute],
    [60, grouped.hour],
    [1440, grouped.day],
  ] as const) {
    await deleteInSteps((limit) => usageGroups.deleteWindows(db, windowMinutes, before(days), limit));
  }
}

/** In short transactions: writers of the same rows wait for one at most. */
async function deleteInSteps(remove: (limit: number) => Promise<number>): Promise<void> {
  for (let step = 0; step < deletesPerRun; step++) {
    if ((await remove(rowsPerDelete)) < rowsPerDelete) return;
  }
}

/** For how long the oldest entry has waited in any partition's stream. */
async function oldestWaitingMs({ redis, partitions }: Deps): Promise<number> {
  const nowMs = Date.now();
  const acceptedMs = await readOldestMs(redis, partitions);
  return Math.max(0, ...acceptedMs.map((atMs) => nowMs - (atMs ?? nowMs)));
}
