export { createRedis, findRedisWarnings, type RedisClient, type RedisOptions } from "./connection.ts";
export { toAppError } from "./errors.ts";
export { counterField, keys } from "./keys.ts";
export { partitionOf } from "./partition.ts";
export { decodeRows, rowBytesMax, type StreamRow, writeRow } from "./record.ts";
export {
  type AcceptMode,
  type AcceptOutcome,
  acceptUsage,
  callEventsMax,
  type Decision,
  type Verdict,
} from "./scripts/accept-usage.ts";
export { type CounterCorrection, correctCounters } from "./scripts/correct-counters.ts";
export { putLimits } from "./scripts/put-limits.ts";
export { type LiveUsage, readCounters } from "./scripts/read-counters.ts";
export { type SegmentTotal, seedCounters, type StreamPosition } from "./scripts/seed-counters.ts";
export {
  hasReached,
  readBacklog,
  readOldestMs,
  readStream,
  readStreamEnd,
  type StreamEntry,
  type StreamPage,
  trimStream,
} from "./scripts/usage-stream.ts";
export { findWorkerHeartbeat, setWorkerHeartbeat } from "./worker-heartbeat.ts";
