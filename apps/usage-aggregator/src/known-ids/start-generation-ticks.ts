import type { Db } from "@driftlock/db";
import type { RedisClient } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Env } from "../env.ts";
import { dropOldUsage } from "./drop-old-usage.ts";
import type { KnownIds } from "./known-ids.ts";
import { rotateGenerations } from "./rotate-generations.ts";

const filterIntervalMs = 1_000;
const indexIntervalMs = 1_000;
const rotationIntervalMs = 5_000;
const retentionIntervalMs = 60_000;
const mebibyte = 2 ** 20;
const dayMs = 24 * 60 * 60 * 1000;

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  log: Logger;
  partitions: number;
  knownIds: KnownIds;
}

/** The life of the generations of records: sealed, their indexes and filters made, dropped. `tick` starts a loop. */
export function startGenerationTicks(
  tick: (name: string, intervalMs: number, run: () => Promise<unknown>) => unknown,
  env: Env,
  { db, redis, clock, log, partitions, knownIds }: Deps,
): void {
  const tableBytesMax = env.USAGE_GENERATION_MIB * mebibyte;
  const ageMsMax = env.USAGE_GENERATION_DAYS * dayMs;
  const retentionDays = env.USAGE_RECORD_RETENTION_DAYS;
  tick("rotate generations", rotationIntervalMs, () =>
    rotateGenerations({ db, clock, log, tableBytesMax, ageMsMax }),
  );
  tick("make indexes", indexIntervalMs, () => knownIds.makeDueIndexes());
  tick("keep filters", filterIntervalMs, () => knownIds.keepFilters());
  tick("drop old usage", retentionIntervalMs, () =>
    dropOldUsage({ db, redis, clock, log, partitions, retentionDays }),
  );
}
