import type { Db } from "@driftlock/db";
import type { AccessPolicy } from "@driftlock/domain";
import type { RedisClient } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import { createCheckQuota } from "../use-cases/check-quota.ts";
import { createExportUsage } from "../use-cases/export-usage.ts";
import { createGetEntitlements } from "../use-cases/get-entitlements.ts";
import { createGetUsage } from "../use-cases/get-usage.ts";
import { createGetUsageSeries } from "../use-cases/get-usage-series.ts";
import { createOperatorAdjustments } from "../use-cases/operator-adjustments.ts";
import { createOperatorMetrics } from "../use-cases/operator-metrics.ts";
import { createOperatorQuarantine } from "../use-cases/operator-quarantine.ts";
import { createPreviewLateUsage } from "../use-cases/preview-late-usage.ts";
import { createRecordUsage } from "../use-cases/record-usage.ts";
import { createReservations } from "../use-cases/reservations.ts";
import { createSpendCap } from "../use-cases/spend-cap.ts";
import { createAccountLoader } from "./account-loader.ts";
import type { BacklogWatch } from "./backlog-watch.ts";
import { createCatalogCache } from "./catalog-cache.ts";
import type { Durability } from "./durability.ts";
import { createFinishCommit, createFinishEnding } from "./finish-reservation.ts";
import { createKeptGate } from "./kept-gate.ts";
import { createLookUpRefused } from "./look-up-refused.ts";
import { createReservationKeeper } from "./reservation-keeper.ts";
import { createReservationSteps } from "./reservation-steps.ts";
import { createUsageGate } from "./usage-gate.ts";

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  /** Unix milliseconds of transport time. */
  wallNow: () => number;
  /** `installation.usage_partitions`: the same for everybody, for ever. */
  partitions: number;
  accessPolicy: AccessPolicy;
  backlog: BacklogWatch;
  durability: Durability;
}

/** Everything that is asked of usage and quotas, over one gate to Redis. */
export function createUsageUseCases(deps: Deps) {
  const { db, redis, clock, wallNow, partitions, accessPolicy, backlog, durability } = deps;
  const catalogCache = createCatalogCache({ db, wallNow });
  const loadAccounts = createAccountLoader({ db, redis, clock, catalogCache, partitions });
  const gate = createKeptGate({
    gate: createUsageGate({ redis, clock, wallNow, partitions, loadAccounts }),
    backlog,
    durability,
    partitions,
  });
  const lookUpRefused = createLookUpRefused({ db, redis, partitions });
  const steps = createReservationSteps({ ...deps, loadAccounts });
  const ofReservations = {
    ...deps,
    catalogCache,
    steps,
    finishCommit: createFinishCommit({ db, steps }),
    finishEnding: createFinishEnding({ db, steps }),
  };
  return {
    reservations: createReservations(ofReservations),
    reservationKeeper: createReservationKeeper(ofReservations),
    operate: {
      ...createOperatorMetrics({ db, clock, catalogCache }),
      ...createOperatorQuarantine({ db, redis, clock, wallNow, gate, partitions }),
      ...createOperatorAdjustments({ db, clock }),
      ...createPreviewLateUsage({ db, clock, catalogCache }),
    },
    spendCap: createSpendCap({ db, loadAccounts }),
    recordUsage: createRecordUsage({ clock, catalogCache, gate, lookUpRefused }),
    checkQuota: createCheckQuota({ clock, catalogCache, gate, lookUpRefused }),
    getUsage: createGetUsage({ gate, clock }),
    getUsageSeries: createGetUsageSeries({ db, clock, catalogCache }),
    exportUsage: createExportUsage({ db, clock, catalogCache }),
    getEntitlements: createGetEntitlements({ db, clock, accessPolicy }),
  };
}

export type UsageUseCases = ReturnType<typeof createUsageUseCases>;
