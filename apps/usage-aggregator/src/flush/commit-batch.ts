import type { UsageEvent } from "@driftlock/contracts";
import {
  type Db,
  type Transaction,
  usageCorrections,
  usageQuarantine,
  usageStreamPositions,
} from "@driftlock/db";
import { parseRecords, type StreamEntry, type StreamPosition } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { MetricDirectory } from "./metric-directory.ts";
import { placeEvents } from "./place-events.ts";
import type { PlacedEvent, SetAsideEvent } from "./placed-event.ts";
import { isOutage, storeCarefully, storeEvents } from "./store-events.ts";

export interface Batch {
  partition: number;
  /** Its owner's; a commit with an older one is refused. */
  fence: number;
  /** The committed position that it follows, and where it ends. */
  from: StreamPosition;
  to: StreamPosition;
  entries: readonly StreamEntry[];
}

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
  metrics: MetricDirectory;
}

/**
 * Writes a batch once: records, totals, what is set aside and the stream's position in one transaction. First as if
 * all were new; where that is refused, carefully. @throws StaleOwnerError, PositionMovedError (nothing was written),
 * UNAVAILABLE (whether it was written shows in the position).
 */
export async function commitBatch(deps: Deps, batch: Batch): Promise<CommitReport> {
  const { events, unreadable } = readEntries(batch.entries);
  const aggregations = await deps.metrics.aggregationsOf(new Set(events.map(({ metric }) => metric)));
  const now = deps.clock.now();
  const write = (store: Store) =>
    deps.db.transaction(async (tx) => {
      await lockPosition(tx, batch);
      const { placed, aside } = await placeEvents(tx, events, aggregations);
      const all = [...aside, ...(await store(tx, placed))];
      const corrections = buildCorrections(all);
      const quarantined = all.filter(({ reason }) => reason !== "repeat").map(toQuarantined);
      const rows = [...quarantined, ...unreadable];
      if (rows.length > 0) await usageQuarantine.insertQuarantined(tx, rows, now);
      if (corrections.length > 0) {
        await usageCorrections.insertCorrections(
          tx,
          { partition: batch.partition, ...batch.to },
          corrections,
        );
      }
      await usageStreamPositions.updatePosition(tx, { partition: batch.partition, ...batch.to });
      return {
        events: events.length - all.length,
        repeats: all.length - quarantined.length,
        quarantined: rows.length,
        hasCorrections: corrections.length > 0,
      };
    });
  try {
    return { ...(await write(storeAsNew)), wasCareful: false };
  } catch (error) {
    if (isOutage(error) || error instanceof StaleOwnerError || error instanceof PositionMovedError)
      throw error;
    return { ...(await write(storeCarefully)), wasCareful: true };
  }
}

type Store = (tx: Transaction, placed: readonly PlacedEvent[]) => Promise<SetAsideEvent[]>;

const storeAsNew: Store = async (tx, placed) => {
  await storeEvents(tx, placed);
  return [];
};

async function lockPosition(tx: Transaction, { partition, fence, from }: Batch): Promise<void> {
  const position = await usageStreamPositions.findPositionForUpdate(tx, { partition, fence });
  if (position === null) throw new StaleOwnerError(`partition ${partition} has another owner`);
  if (position.epoch !== from.epoch || position.streamId !== from.streamId) {
    throw new PositionMovedError(
      `partition ${partition} is at ${position.streamId}, not at ${from.streamId}`,
    );
  }
}

/** An entry that cannot be read is set aside as a whole, as text. */
function readEntries(entries: readonly StreamEntry[]) {
  const events: UsageEvent[] = [];
  const unreadable: usageQuarantine.QuarantinedEvent[] = [];
  for (const { data, streamId } of entries) {
    try {
      events.push(...parseRecords(data));
    } catch (error) {
      unreadable.push({
        accountId: null,
        eventId: null,
        metric: null,
        payload: data.toWellFormed().replaceAll("\u0000", "\ufffd"),
        reason: "unreadable",
        detail: `stream entry ${streamId}: ${String(error)}`,
        receivedAt: null,
      });
    }
  }
  return { events, unreadable };
}

const toQuarantined = ({ event, reason, detail }: SetAsideEvent): usageQuarantine.QuarantinedEvent => ({
  accountId: event.accountId,
  eventId: event.id,
  metric: event.metric,
  payload: event,
  reason,
  detail,
  receivedAt: new Date(event.receivedAtMs),
});

/** What the live counters have too much, by account: sums are subtracted, anything else is built anew. */
function buildCorrections(aside: readonly SetAsideEvent[]): usageCorrections.NewCorrection[] {
  return [...Map.groupBy(aside, ({ event }) => event.accountId)].map(([accountId, ofAccount]) => {
    const deltas = ofAccount.flatMap(({ event, counted }) => {
      if (counted === null || (counted.aggregation !== "sum" && counted.aggregation !== "count")) return [];
      const quantity = counted.aggregation === "sum" ? event.quantity : 1;
      return [{ segmentStartMs: counted.segmentStartMs, metric: event.metric, quantity }];
    });
    return { accountId, isRebuild: deltas.length < ofAccount.length, deltas };
  });
}
