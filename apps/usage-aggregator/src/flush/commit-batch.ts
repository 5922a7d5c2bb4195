import {
  type Db,
  type Transaction,
  usageCorrections,
  usageQuarantine,
  usageStreamPositions,
} from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { IndexNeededError, type KnownIds } from "../known-ids/known-ids.ts";
import { type GroupedRows, groupRows } from "./group-rows.ts";
import { findClosedTotals, findLate, markClosed } from "./late-rows.ts";
import { findUnplaced, lockPeriods } from "./place-rows.ts";
import type { Batch } from "./prepare-batch.ts";
import { buildCorrections, type SetAsideRow, toQuarantined } from "./set-aside.ts";
import { isFaultOfEvents, type Storing, storeCarefully, storeRows } from "./store-rows.ts";

export interface CommitReport {
  events: number;
  repeats: number;
  quarantined: number;
  wasCareful: boolean;
  hasCorrections: boolean;
}

/** The partition belongs to somebody else by now. */
export class StaleOwnerError extends Error {}

/** The position is not where it was: an earlier commit of ours whose answer was lost is in. */
export class PositionMovedError extends Error {}

interface Deps {
  db: Db;
  clock: Clock;
  knownIds: KnownIds;
}

interface Way {
  partition: number;
  /** Its owner's; a commit with an older one is refused. */
  fence: number;
  /** Begin with the careful way: the batches before had repeats. */
  expectsRepeats?: boolean;
}

/**
 * Writes a batch once: records, totals, what is set aside and the stream's position in one transaction. First as if
 * all were new; where that is refused, carefully, and where what it has to know is told by an index that there is not,
 * with it. @throws StaleOwnerError, PositionMovedError (nothing was written), UNAVAILABLE (whether it was written shows in
 * the position).
 */
export const commitBatch = (deps: Deps, batch: Batch, way: Way): Promise<CommitReport> =>
  deps.knownIds.withIndexes(() => commitAsItIs(deps, batch, way));

async function commitAsItIs(deps: Deps, batch: Batch, way: Way): Promise<CommitReport> {
  if (way.expectsRepeats === true) return writeBatch(deps, batch, { ...way, isCareful: true });
  try {
    return await writeBatch(deps, batch, { ...way, isCareful: false });
  } catch (error) {
    if (!isFaultOfEvents(error)) throw error;
    return writeBatch(deps, batch, { ...way, isCareful: true });
  }
}

async function writeBatch(
  { db, clock, knownIds }: Deps,
  batch: Batch,
  { partition, fence, isCareful }: Way & { isCareful: boolean },
): Promise<CommitReport> {
  const { from, to, definitions, acceptedSinceMs, unreadable } = batch;
  const now = clock.now();
  const written = await db.transaction(async (tx) => {
    await advance(tx, { partition, fence, from, to });
    const current = await knownIds.currentTable(tx, partition);
    const periods = await lockPeriods(tx, batch.grouped);
    const closed = findClosedTotals(batch.grouped, periods);
    const late = await findLate(tx, batch.grouped, { totals: closed, definitions });
    const { placed, unplaced } = place(batch, [...findUnplaced(batch.grouped, periods), ...late]);
    const storing: Storing = { tx, partition, current, knownIds, definitions, periods };
    const stored = await store(storing, { from, acceptedSinceMs, placed }, isCareful);
    await markClosed(tx, closed, now);
    const aside = [...unplaced, ...stored.aside];
    const corrections = buildCorrections(aside);
    const quarantined = [
      ...aside.filter(({ reason }) => reason !== "repeat").map(toQuarantined),
      ...unreadable,
    ];
    if (quarantined.length > 0) await usageQuarantine.insertQuarantined(tx, quarantined, now);
    if (corrections.length > 0)
      await usageCorrections.insertCorrections(tx, { partition, ...to }, corrections);
    const report = {
      events: batch.grouped.rows.length - aside.length,
      repeats: aside.length - (quarantined.length - unreadable.length),
      quarantined: quarantined.length,
      wasCareful: stored.wasCareful,
      hasCorrections: corrections.length > 0,
    };
    return { report, rows: placed.rows, generation: current.generation };
  });
  knownIds.added({ partition, generation: written.generation, from, to }, written.rows);
  return written.report;
}

/** Moves the position first, which locks it: a second writer of the partition waits, and finds it moved. */
async function advance(
  tx: Transaction,
  move: { partition: number; fence: number } & Pick<Batch, "from" | "to">,
): Promise<void> {
  if (await usageStreamPositions.advancePosition(tx, move)) return;
  const { partition, fence, from } = move;
  const found = await usageStreamPositions.findPosition(tx, partition);
  if (found?.fence !== fence) throw new StaleOwnerError(`partition ${partition} has another owner`);
  throw new PositionMovedError(`partition ${partition} is at ${found.streamId}, not at ${from.streamId}`);
}

function place(
  { grouped, definitions }: Batch,
  unplaced: SetAsideRow[],
): { placed: GroupedRows; unplaced: SetAsideRow[] } {
  if (unplaced.length === 0) return { placed: grouped, unplaced };
  const gone = new Set(unplaced.map(({ row }) => row));
  const rest = grouped.accounts.flatMap(({ rows }) => rows.filter((row) => !gone.has(row)));
  return { placed: groupRows(rest, definitions), unplaced };
}

async function store(
  storing: Storing,
  { from, acceptedSinceMs, placed }: Pick<Batch, "from" | "acceptedSinceMs"> & { placed: GroupedRows },
  isCareful: boolean,
): Promise<{ aside: SetAsideRow[]; wasCareful: boolean }> {
  const { tx, knownIds, current } = storing;
  if (isCareful && !current.isIndexed) throw new IndexNeededError(current.generation);
  knownIds.verifyNew(storing, { from, acceptedSinceMs, rows: placed.rows });
  if (
    !isCareful &&
    !current.hasRepeats &&
    (await knownIds.findOlder(tx, storing, placed.rows)).length === 0
  ) {
    await storeRows(storing, placed);
    return { aside: [], wasCareful: false };
  }
  const rows = placed.accounts.flatMap(({ rows }) => rows);
  return { aside: await storeCarefully(storing, rows), wasCareful: true };
}
