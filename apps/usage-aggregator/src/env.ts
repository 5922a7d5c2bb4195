import {
  databaseEnv,
  httpUrl,
  loadEnv,
  port,
  processSchema,
  redisEnv,
  secret,
  usageEnv,
} from "@driftlock/runtime";
import { z } from "zod";

const flushIntervalMs = { redis: 250, fsync: 250, committed: 50 };
const meterEventsPerSecond = { live: 900, test: 15, simulator: 1_000 };
const reportIntervalMs = { simulator: 1_000, otherwise: 60_000 };

const Env = processSchema({
  ...databaseEnv,
  ...redisEnv,
  AGGREGATOR_OPS_PORT: port(4102),
  ...usageEnv,
  /**
   * How long events may wait in the stream for more to be committed with. (Default: 250; 50 where producers wait for the
   * commit.)
   */
  FLUSH_INTERVAL_MS: z.coerce.number().int().min(1).max(10_000).optional(),
  /** Wall time between two looks for usage to report. (Default: 60,000; 1,000 on the simulator.) */
  REPORT_INTERVAL_MS: z.coerce.number().int().min(100).optional(),
  /**
   * Meter events of all processes to Stripe each second. (Default: 900 live, where Stripe takes 1,000 in all; 15 in a
   * sandbox, where they count to its 25 of everything; 1,000 on the simulator.)
   */
  STRIPE_METER_EVENTS_PER_SECOND: z.coerce.number().int().min(1).max(10_000).optional(),
  /** Records are kept for so long from their receipt; what is made of them: docs/decisions/0017. */
  USAGE_RECORD_RETENTION_DAYS: z.coerce.number().int().min(35).default(90),
  /** A generation of records ends after so long, or when its table has this size. */
  USAGE_GENERATION_DAYS: z.coerce.number().int().min(1).max(35).default(7),
  USAGE_GENERATION_MIB: z.coerce.number().int().min(1).default(400),
  /** Memory for the filters of older ids; what does not fit is looked up in the tables. */
  USAGE_ID_FILTER_MIB: z.coerce.number().int().min(0).default(160),
  STRIPE_SECRET_KEY: secret(z.string().regex(/^[sr]k_(test|live)_/, "must be a secret key of Stripe")),
  /** The simulator; absent, Stripe itself. */
  STRIPE_API_URL: httpUrl().optional(),
}).superRefine((env, issues) => {
  if (env.STRIPE_API_URL !== undefined && env.DRIFTLOCK_MODE === "live") {
    issues.addIssue({
      code: "custom",
      path: ["STRIPE_API_URL"],
      message: "must not be set in DRIFTLOCK_MODE=live",
    });
  }
});

export type Env = z.infer<typeof Env>;

/** The aggregator's configuration; a wrong one ends the process with every fault named. */
export const readAggregatorEnv = (): Env => loadEnv(Env, process.env, { processName: "usage-aggregator" });

export const reportIntervalOf = (env: Env): number =>
  env.REPORT_INTERVAL_MS ??
  (env.DRIFTLOCK_MODE === "simulator" ? reportIntervalMs.simulator : reportIntervalMs.otherwise);

export const meterEventsPerSecondOf = (env: Env): number =>
  env.STRIPE_METER_EVENTS_PER_SECOND ?? meterEventsPerSecond[env.DRIFTLOCK_MODE];

export const flushIntervalOf = (env: Env): number =>
  env.FLUSH_INTERVAL_MS ?? flushIntervalMs[env.USAGE_DURABILITY];
