import { AppError, type RepairDto, type RepairStepDto, syncStripeObject } from "@driftlock/contracts";
import {
  accounts,
  auditLog,
  type Db,
  reconciliationFigures,
  reconciliations,
  type Transaction,
  usageReadings,
} from "@driftlock/db";
import { forgetCounters, partitionOf, type RedisClient } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import { doOrPreview } from "./do-or-preview.ts";
import {
  freezeLeft,
  type Left,
  markForAdjustment,
  markInvoices,
  rebuildStep,
  recountTotals,
  type Repairing,
} from "./repair-steps.ts";

export interface RepairDeps {
  db: Db;
  redis: RedisClient;
  producer: Producer;
  partitions: number;
  clock: Clock;
  wallNow: () => Date;
}

interface Planned extends Pick<RepairDto, "steps" | "left"> {
  accountId: string;
}

/**
 * Mends what the latest comparison found. A preview is the very same work, rolled back. Whatever is not as the comparison
 * said any more is left alone, so that a repeat does nothing. Redis and Stripe come after the commit: should the process
 * die there, the comparison finds the counter again, and the sweep the object.
 */
export const createRepairReconciliation =
  (deps: RepairDeps) =>
  /** @throws NOT_FOUND, UNAVAILABLE. */
  async (actor: string, id: string, { preview }: { preview: boolean }): Promise<RepairDto> => {
    const { db, redis, producer, partitions } = deps;
    const { accountId, steps, left } = await planOrDo(deps, { actor, id, preview });
    if (!preview) {
      if (steps.some(({ kind }) => kind === "rebuild-counter"))
        await forgetCounters(redis, { partition: partitionOf(accountId, partitions), accountId });
      for (const { object: objectId } of steps.filter(({ kind }) => kind === "fetch-invoice"))
        if (objectId !== null)
          await producer.add(syncStripeObject, { objectId }, { deduplicate: "keep-last-if-active" });
      if (steps.length > 0) await reconciliations.updateRepaired(db, Number(id), deps.wallNow());
    }
    return { id, isPreview: preview, steps, left };
  };

const planOrDo = (
  deps: RepairDeps,
  { actor, id, preview }: { actor: string; id: string; preview: boolean },
): Promise<Planned> =>
  doOrPreview(deps.db, preview, async (tx) => {
    const planned = await repair(tx, deps, id);
    if (planned.steps.length > 0) {
      await auditLog.insertAuditEntry(tx, {
        actor,
        action: "reconciliation.repaired",
        target: planned.accountId,
        detail: { reconciliationId: id, steps: planned.steps },
        now: deps.clock.now(),
      });
    }
    return planned;
  });

async function repair(tx: Transaction, { clock, wallNow }: RepairDeps, id: string): Promise<Planned> {
  const row = await reconciliations.findReconciliation(tx, Number(id));
  if (row === null) throw new AppError("NOT_FOUND", `There is no comparison "${id}".`);
  const { accountId, metric } = row;
  await accounts.findAccountForUpdate(tx, accountId);
  const figures = (await reconciliationFigures.listFigures(tx, [row])).find((each) => each.metric === metric);
  if (figures === undefined)
    return { accountId, steps: [], left: [{ kind: "period", reason: "The period is no more." }] };
  const repairing = { row, figures, now: clock.now(), wallNow: wallNow() };
  const differs = (kind: string) => row.differences.some((difference) => difference.kind === kind);
  const steps: RepairStepDto[] = [];
  const left: Left[] = [];
  if (differs("stored")) {
    const recounted = await recountTotals(tx, repairing);
    if (Array.isArray(recounted)) steps.push(...recounted);
    else left.push(recounted);
  }
  const total = (await usageReadings.findPeriodTotals(tx, row))[metric]?.quantity ?? 0;
  const live = row.differences.find(({ kind }) => kind === "live");
  if (live !== undefined || steps.length > 0) steps.push(rebuildStep(metric, live?.found ?? null, total));
  if (figures.isBilled) steps.push(...(await mendBilling(tx, repairing, total)));
  if (differs("invoiced")) steps.push(...(await markInvoices(tx, repairing)));
  return { accountId, steps, left: [...left, ...leftOf(repairing, steps)] };
}

/** Of an open period a window, of a closed one an adjustment; also where the total was just counted anew. */
const mendBilling = (tx: Transaction, repairing: Repairing, total: number): Promise<RepairStepDto[]> =>
  repairing.figures.closedAt === null ? freezeLeft(tx, repairing) : markForAdjustment(tx, repairing, total);

function leftOf({ row, figures }: Repairing, steps: readonly RepairStepDto[]): Left[] {
  const isMended = (...kinds: string[]) => steps.some(({ kind }) => kinds.includes(kind));
  return row.differences.flatMap(({ kind }): Left[] => {
    if (kind === "failed")
      return [{ kind, reason: "Stripe refused a report: mend its cause, then release the report." }];
    if (kind === "reported" && !figures.isBilled)
      return [{ kind, reason: "Stripe was told usage that this plan does not bill: decide about a credit." }];
    if (kind === "reported" && !isMended("freeze-window", "adjust"))
      return [{ kind, reason: "No window is left to freeze and nothing to adjust: look at its reports." }];
    if (kind === "invoiced" && figures.closedAt !== null)
      return [
        {
          kind,
          reason: "A final invoice is not changed: where the fetch does not end it, credit or bill it apart.",
        },
      ];
    return [];
  });
}
