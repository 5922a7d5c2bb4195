import { AppError } from "@driftlock/contracts";
import { accounts, planVersionMoves, type Transaction, usagePeriodsWrite } from "@driftlock/db";
import { type Cut, tilePeriods, type TilingSubscription, withoutCut } from "@driftlock/domain";
import { compareTiles } from "./compare-tiles.ts";
import { moveTotals } from "./move-totals.ts";

// A whole Free cycle, whose earlier parts a later one counts on from.
const reachBackMs = 32 * 24 * 60 * 60 * 1000;

/**
 * Makes the account's usage_periods what its subscriptions and its Free anchor say, inside the transaction that changed
 * one of them. Locks the account's row, which the aggregator's commits wait for. Where a row was cut or changed, totals
 * move with their events and limits_version rises: the caller pushes the limits after its commit. `undone` is the cut of
 * an upgrade that was not made.
 * @returns whether anything changed.
 */
export async function retilePeriods(
  tx: Transaction,
  { accountId, now, undone }: { accountId: string; now: Date; undone?: Cut },
): Promise<boolean> {
  const account = await accounts.findAccountForUpdate(tx, accountId);
  if (account === null) throw new AppError("ACCOUNT_NOT_FOUND", `There is no account ${accountId}.`);
  const rows = await usagePeriodsWrite.listTiles(tx, accountId, new Date(now.getTime() - reachBackMs));
  const { freeAnchorAt } = account;
  const subscriptions = await readSubscriptions(tx, accountId);
  const freePlanVersions = await planVersionMoves.listFreeVersions(tx, accountId);
  const standing = undone === undefined ? rows : withoutCut(rows, undone);
  const wanted = tilePeriods({ rows: standing, freeAnchorAt, freePlanVersions, subscriptions, now });
  const change = compareTiles(rows, wanted);
  if (change.changed.length === 0 && change.removed.length === 0) return false;
  await usagePeriodsWrite.deletePeriods(
    tx,
    accountId,
    change.removed.map((tile) => tile.start),
  );
  await usagePeriodsWrite.upsertPeriods(tx, accountId, change.changed);
  await moveTotals(tx, { accountId, freeAnchorAt, rows, wanted, change });
  await accounts.updateLimitsVersion(tx, accountId);
  return true;
}

async function readSubscriptions(tx: Transaction, accountId: string): Promise<TilingSubscription[]> {
  const rows = await usagePeriodsWrite.listTilingSubscriptions(tx, accountId);
  return rows.map((row) => ({
    ...row,
    period: { start: row.periodStart, end: row.periodEnd },
    pending:
      row.pendingPlanId === null || row.pendingPlanVersion === null
        ? null
        : { planId: row.pendingPlanId, planVersion: row.pendingPlanVersion },
    change:
      row.changeAt === null || row.changePlanId === null || row.changePlanVersion === null
        ? null
        : {
            at: row.changeAt,
            planId: row.changePlanId,
            planVersion: row.changePlanVersion,
            rank: row.changeRank ?? row.rank,
          },
  }));
}
