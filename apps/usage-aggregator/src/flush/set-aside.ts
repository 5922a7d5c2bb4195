import type { Aggregation } from "@driftlock/contracts";
import type { usageCorrections, usageQuarantine } from "@driftlock/db";
import type { StreamRow } from "@driftlock/redis";

/** An accepted event that is not stored: a repeat is dropped, everything else goes to quarantine. */
export interface SetAsideRow {
  row: StreamRow;
  /** Where it was counted live; null where that is not known. */
  counted: { segmentStartMs: number; aggregation: Aggregation } | null;
  reason: "repeat" | "conflict" | "late" | "no-period" | "unknown-metric" | "not-storable";
  detail: string;
}

export const setAside = (row: StreamRow, why: Omit<SetAsideRow, "row">): SetAsideRow => ({ row, ...why });

/** What the quarantine takes: the event, in text that Postgres accepts whatever it holds. */
export function toQuarantined({ row, reason, detail }: SetAsideRow): usageQuarantine.QuarantinedEvent {
  const event = {
    id: storable(row.id),
    accountId: storable(row.accountId),
    metric: storable(row.metric),
    quantity: row.quantity,
    occurredAtMs: row.occurredAtMs,
    receivedAtMs: row.receivedAtMs,
    propertiesJson: row.propertiesJson === null ? null : storable(row.propertiesJson),
  };
  return {
    accountId: event.accountId,
    eventId: event.id,
    metric: event.metric,
    payload: event,
    reason,
    detail: storable(detail),
    receivedAt: new Date(row.receivedAtMs),
  };
}

const storable = (text: string): string => text.replaceAll("\u0000", "\ufffd");

/** What the live counters have too much, by account: sums are subtracted, anything else is built anew. */
export function buildCorrections(aside: readonly SetAsideRow[]): usageCorrections.NewCorrection[] {
  return [...Map.groupBy(aside, ({ row }) => row.accountId)].map(([accountId, ofAccount]) => {
    const deltas = ofAccount.flatMap(({ row, counted }) => {
      if (counted === null || (counted.aggregation !== "sum" && counted.aggregation !== "count")) return [];
      const quantity = counted.aggregation === "sum" ? row.quantity : 1;
      return [{ segmentStartMs: counted.segmentStartMs, metric: row.metric, quantity }];
    });
    return {
      accountId: storable(accountId),
      isRebuild: deltas.length < ofAccount.length,
      deltas: deltas.map((delta) => ({ ...delta, metric: storable(delta.metric) })),
    };
  });
}
