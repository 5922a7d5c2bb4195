import type { Db } from "@driftlock/db";
import type { AccessPolicy } from "@driftlock/domain";
import type { RedisClient } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { Producer, QueueInspector } from "@driftlock/runtime/queue";
import type { Stripe } from "@driftlock/stripe";
import type { KeyMode } from "../auth/api-key.ts";
import type { UsageUseCases } from "../usage/create-usage-use-cases.ts";
import { createManageKeys } from "./manage-keys.ts";
import { createOpenAccount } from "./open-account.ts";
import { createOperatorAccounts } from "./operator-accounts.ts";
import { createListAudit } from "./operator-audit.ts";
import { createOperatorDunning } from "./operator-dunning.ts";
import { createOperatorQueues } from "./operator-queues.ts";
import { createOperatorReconciliation } from "./operator-reconciliation.ts";
import { createOperatorReports } from "./operator-reports.ts";
import type { OperatorUseCases } from "./operator-use-cases.ts";
import { createReconciliationReport } from "./reconciliation-report.ts";
import { createReportKeys } from "./report-keys.ts";
import { createRepairReconciliation } from "./repair-reconciliation.ts";

interface Resources {
  db: Db;
  stripe: Stripe;
  clock: Clock;
  usage: Pick<UsageUseCases, "operate">;
  redis: RedisClient;
  producer: Producer;
  partitions: number;
  wallNow: () => Date;
  inspector: QueueInspector;
  accessPolicy: AccessPolicy;
  keyMode: KeyMode;
  reportKeySecret: string | null;
  onRevoked: () => void;
  randomBytes: (count: number) => Buffer;
}

/** Wires what operators do. */
export function createOperatorUseCases(resources: Resources): OperatorUseCases {
  const { signText, ...reportKeys } = createReportKeys(resources);
  return {
    openAccount: createOpenAccount({
      ...resources,
      makeAccountId: () => `acct_${resources.randomBytes(10).toString("hex")}`,
    }),
    ...resources.usage.operate,
    ...createOperatorAccounts(resources),
    ...createManageKeys(resources),
    ...createOperatorDunning(resources),
    listAudit: createListAudit(resources),
    ...createOperatorQueues(resources),
    ...createOperatorReconciliation(resources),
    ...createOperatorReports(resources),
    getReconciliationReport: createReconciliationReport({ ...resources, signText }),
    ...reportKeys,
    repairReconciliation: createRepairReconciliation(resources),
  };
}
