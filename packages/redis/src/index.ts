export { prepareFsync, type SyncAppendOnlyFile } from "./append-only-file.ts";
export { readMemoryShare, readStreamSizes, type StreamSize } from "./backlog.ts";
export { readCommitted } from "./committed.ts";
export { createRedis, findRedisWarnings, type RedisClient, type RedisOptions } from "./connection.ts";
export { toAppError } from "./errors.ts";
export { forgetCounters } from "./forget-counters.ts";
export { counterField, keys } from "./keys.ts";
export { partitionOf } from "./partition.ts";
export { pingRedis } from "./ping-redis.ts";
export { decodeRows, rowBytesMax, type StreamRow, writeRow } from "./record.ts";
export {
  type Counter,
  findCounter,
  type ResolvedLimits,
  resolveLimits,
  type Unresolved,
} from "./resolved-limits.ts";
export { type AcceptMode, type AcceptUsageCall, callEventsMax } from "./scripts/accept-call.ts";
export {
  type AcceptOutcome,
  acceptUsage,
  type CounterStanding,
  type Decision,
  type Verdict,
} from "./scripts/accept-usage.ts";
export { type CounterCorrection, correctCounters } from "./scripts/correct-counters.ts";
export { forgetSeen } from "./scripts/forget-seen.ts";
export { putLimits } from "./scripts/put-limits.ts";
export { type LiveUsage, readCounters } from "./scripts/read-counters.ts";
export { createReadLimits, type ReadLimits } from "./scripts/read-limits.ts";
export {
  commitHeld,
  endHold,
  holdQuantities,
  type ItemStanding,
  listOverdueHolds,
  type ReservationOutcome,
  type ReservationRef,
} from "./scripts/reservation.ts";
export {
  type CounterSnapshot,
  type SegmentTotal,
  seedCounters,
  type StreamPosition,
  type UniqueTotal,
} from "./scripts/seed-counters.ts";
export { createSharedTokenBuckets } from "./scripts/token-bucket.ts";
export {
  openStream,
  ReadLostError,
  type ReadPosition,
  type StreamEntry,
  type StreamPage,
  type StreamReader,
  trimStream,
  verifyStream,
} from "./scripts/stream-reader.ts";
export {
  hasReached,
  readBacklog,
  readOldestMs,
  readStreamEnd,
} from "./scripts/usage-stream.ts";
export { seenMsMin } from "./seen-ids.ts";
export type { Lives, ServerLife, Witness } from "./node-witness.ts";
export { createWitness } from "./witness.ts";
export { findWorkerHeartbeat, setWorkerHeartbeat } from "./worker-heartbeat.ts";
