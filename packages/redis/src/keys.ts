import { Command } from "ioredis";

/** Every key of usage. The braces are the hash tag: all keys of a partition are in one slot of a cluster. */
export const keys = {
  /**
   * Hash: `epoch`, the life of this partition's data; `trimmed`, the newest id that was cut off the stream; `begunAt`, the
   * position in Postgres for which the epoch was begun.
   */
  meta: (partition: number) => `{dlu:${partition}}:meta`,
  /** Stream: one entry for each call that accepted events: `v` "1", `a` account ids, `d` rows (`record.ts`). */
  stream: (partition: number) => `{dlu:${partition}}:stream`,
  /** Hash: reader of the stream → how many reads it has made. What lacks a read lacks what was read. */
  reads: (partition: number) => `{dlu:${partition}}:reads`,
  /** Hash: `seenField` → payload, for the events of ten minutes of wall time. */
  seen: (partition: number, bucket: number) => `{dlu:${partition}}:seen:${bucket}`,
  /** Hash: account id → `AccountLimits` as JSON. */
  limits: (partition: number) => `{dlu:${partition}}:limits`,
  /** Hash: account id → `<epoch>:<version>` that its live counters were built for; none: build them first. */
  marks: (partition: number) => `{dlu:${partition}}:marks`,
  /** Hash: account id → id in the stream up to which its live counters are built or corrected. */
  built: (partition: number) => `{dlu:${partition}}:built`,
  /**
   * Hash: `counterField` → live value, and `<counterField>:at` → its newest event's instant, for `last`. Its field `epoch`
   * says which life they are of: where it is gone, so are they, whatever the marks say. `:` is filling, here and there.
   */
  live: (partition: number) => `{dlu:${partition}}:live`,
  /** Hash: `counterField` → what reservations hold of it at present. */
  held: (partition: number) => `{dlu:${partition}}:held`,
  /** Hash: `""` → epoch, account id → "1" where its holds are in, `<account id> <reservation>` → see reservation.lua. */
  holds: (partition: number) => `{dlu:${partition}}:holds`,
  /** Set: the values that a `unique` metric has seen in a segment. */
  unique: (partition: number, field: string) => `{dlu:${partition}}:unique:${field}`,
  /** Written before a sync of Redis's file, so that the sync covers what others wrote; nobody reads it. */
  fsync: (partition: number) => `{dlu:${partition}}:fsync`,
} as const;

/** Of a cluster: where all keys of a partition are. */
export const slotOf = (partition: number): number => new Command("get", [keys.meta(partition)]).getSlot();

/** The name of a counter: an account's value of a metric in the segment that starts then. */
export const counterField = (accountId: string, segmentStartMs: number, metric: string): string =>
  `${accountId}:${segmentStartMs}:${metric}`;
