/** Every key of usage. The braces are the hash tag: all keys of a partition are in one slot of a cluster. */
export const keys = {
  /** Hash: `epoch`, the life of this partition's data, and `trimmed`, the newest id that was cut off the stream. */
  meta: (partition: number) => `{dlu:${partition}}:meta`,
  /** Stream: one entry for each call that accepted events. Fields `a` (account ids) and `d` (records, a JSON array). */
  stream: (partition: number) => `{dlu:${partition}}:stream`,
  /** Hash: event id's hash → payload hash, for the events of ten minutes of wall time. */
  seen: (partition: number, bucket: number) => `{dlu:${partition}}:seen:${bucket}`,
  /** String: `AccountLimits` as JSON. */
  limits: (partition: number, accountId: string) => `{dlu:${partition}}:limits:${accountId}`,
  /** Hash: `mark` (epoch:version it was built for), `at` (stream id), `<segment start>:<metric>` → live value. */
  live: (partition: number, accountId: string) => `{dlu:${partition}}:live:${accountId}`,
} as const;
