import type { usageQuarantine } from "@driftlock/db";
import {
  decodeRows,
  type ReadPosition,
  type StreamEntry,
  type StreamPosition,
  type StreamRow,
} from "@driftlock/redis";
import type { BatchPlace } from "./batch-room.ts";
import { type GroupedRows, groupRows } from "./group-rows.ts";
import type { MetricDefinitions, MetricDirectory } from "./metric-directory.ts";

/** A part of a partition's stream, made ready to be committed. */
export interface Batch {
  /** The position that it follows, and where it ends. */
  from: StreamPosition;
  to: ReadPosition;
  grouped: GroupedRows;
  definitions: MetricDefinitions;
  /** When the oldest of them was accepted, by Redis' clock. */
  acceptedSinceMs: number;
  /** Entries that cannot be read: set aside as a whole. */
  unreadable: usageQuarantine.QuarantinedEvent[];
}

/** Decodes, groups and sorts what was read; all but the transaction. Throws UNAVAILABLE. */
export async function prepareBatch(
  { metrics, place }: { metrics: MetricDirectory; place: BatchPlace },
  { from, to, entries }: Pick<Batch, "from" | "to"> & { entries: readonly StreamEntry[] },
): Promise<Batch> {
  const rows: StreamRow[] = [];
  const unreadable: usageQuarantine.QuarantinedEvent[] = [];
  for (const entry of entries) {
    try {
      decodeRows(entry.data, rows);
    } catch (error) {
      unreadable.push(toUnreadable(entry, error));
    }
  }
  const definitions = await metrics.definitionsOf(metricsOf(rows));
  const grouped = groupRows(rows, definitions, place.take);
  const acceptedSinceMs = Number.parseInt(entries[0]?.streamId ?? to.streamId, 10);
  return { from, to, grouped, definitions, acceptedSinceMs, unreadable };
}

function metricsOf(rows: readonly StreamRow[]): Set<string> {
  const found = new Set<string>();
  let last: string | null = null;
  for (const { metric } of rows) {
    if (metric !== last) found.add(metric);
    last = metric;
  }
  return found;
}

const toUnreadable = ({ streamId, data }: StreamEntry, error: unknown): usageQuarantine.QuarantinedEvent => ({
  accountId: null,
  eventId: null,
  metric: null,
  payload: data.toString("base64"),
  reason: "unreadable",
  detail: `stream entry ${streamId}: ${String(error)}`,
  receivedAt: null,
});
