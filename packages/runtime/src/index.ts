export { createBatcher } from "./batcher.ts";
export { type Clock, type ClockParticipant, type ClockProgress, systemClock } from "./clock.ts";
export { closeUnfinished } from "./close-unfinished.ts";
export { createErrorLog } from "./error-log.ts";
export { followedClock } from "./followed-clock.ts";
export { Lifecycle } from "./lifecycle.ts";
export { type Environment, loadEnv, readEnv } from "./load-env.ts";
export { createLogger, type Logger } from "./logger.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { type Check, type OpsServer, startOpsServer } from "./ops-server.ts";
export {
  type DurabilityLevel,
  databaseEnv,
  httpUrl,
  type ProcessEnv,
  port,
  processEnv,
  processSchema,
  redisEnv,
  usageEnv,
} from "./process-env.ts";
export { createRandom, type Random } from "./random.ts";
export { leaseTtlMs, withRenewedLease } from "./renewed-lease.ts";
export { type Composed, type ProcessContext, runProcess } from "./run-process.ts";
export { Secret, secret } from "./secret.ts";
export { createTicker, type Ticker } from "./ticker.ts";
export { createProgressTicker } from "./progress-ticker.ts";
