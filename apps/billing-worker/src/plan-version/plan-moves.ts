import type { SubscriptionStatus } from "@driftlock/contracts";
import { type Db, planVersionMoves } from "@driftlock/db";
import {
  type MovableSubscription,
  type MoveStep,
  versionMoveStep,
  type WantedVersion,
} from "@driftlock/domain";

export interface MoveWish extends WantedVersion {
  /** Null: every account that has the version. */
  accountIds: readonly string[] | null;
}

export type MoveAction =
  | "move"
  /** It has the version, and moves only if what is to come is taken back. */
  | "stands"
  /** It is planned, or about to be. */
  | "planned"
  | "moved"
  /** It was named, and does not have the version. */
  | "elsewhere";

export interface PlannedMove {
  accountId: string;
  action: MoveAction;
  /** From when it has the new version, where that is known. */
  effectiveAt: Date | null;
  /** In words. */
  detail: string;
  /** Whether it is wanted of the account as it is, so that there is nothing to write. */
  isWritten: boolean;
}

/** What a migration comes to for each account, by the mirror, and by the rule that carries it out. Changes nothing. */
export async function planMoves(db: Db, wish: MoveWish, now: Date): Promise<PlannedMove[]> {
  const planned =
    wish.planId === "free"
      ? (await planVersionMoves.listHoldingAccounts(db, wish)).map((row) => freeMove(row, wish, now))
      : (await planVersionMoves.listHoldingSubscriptions(db, wish)).flatMap(
          (row) => paidMove(row, wish) ?? [],
        );
  // A second subscription is being cancelled and refunded: the account is said once, with what is to be done.
  const byAccount = new Map<string, PlannedMove>();
  for (const each of planned)
    if (each.action === "move" || !byAccount.has(each.accountId)) byAccount.set(each.accountId, each);
  const others = (wish.accountIds ?? []).filter((accountId) => !byAccount.has(accountId));
  return [
    ...byAccount.values(),
    ...others.map((accountId) => ({
      accountId,
      action: "elsewhere" as const,
      effectiveAt: null,
      detail: `does not have ${wish.planId} v${wish.fromVersion}`,
      isWritten: true,
    })),
  ];
}

function paidMove(row: planVersionMoves.HoldingSubscriptionRow, wish: MoveWish): PlannedMove | null {
  const step = versionMoveStep({ ...row, status: row.status as SubscriptionStatus }, wish);
  if (step.kind === "elsewhere") return null;
  const { accountId, wanted } = row;
  const isSame = wanted?.toVersion === wish.toVersion && wanted.timing === wish.timing;
  if (step.kind === "change" && isSame && !wanted.isSettled)
    return {
      accountId,
      action: "planned",
      effectiveAt: step.wish === "migrate" ? step.effectiveAt : null,
      detail:
        wanted.refusal === null
          ? "is being planned"
          : `is tried again, the last time was in vain: ${wanted.refusal.detail}`,
      isWritten: true,
    };
  const isWritten = step.kind === "moved" || step.kind === "planned" || (step.kind === "stands" && isSame);
  return { accountId, isWritten, ...toldStep(step, row, wish) };
}

function toldStep(
  step: Exclude<MoveStep, { kind: "elsewhere" }>,
  { planId, pendingPlanId, periodEnd }: MovableSubscription | planVersionMoves.HoldingSubscriptionRow,
  wish: MoveWish,
): Pick<PlannedMove, "action" | "effectiveAt" | "detail"> {
  const at = periodEnd.toISOString();
  switch (step.kind) {
    case "moved":
      return { action: "moved", effectiveAt: null, detail: `has v${wish.toVersion}` };
    case "planned":
      return { action: "planned", effectiveAt: step.effectiveAt, detail: `from ${at}, as planned` };
    case "stands": {
      const why = {
        ends: `its subscription ends at ${at}; moved if that is taken back`,
        changes: `it changes to ${pendingPlanId} at ${at}; moved if that is taken back`,
        "not-active": "it is paused; moved once it goes on",
      };
      return {
        action: "stands",
        effectiveAt: null,
        detail: `keeps v${wish.fromVersion}: ${why[step.because]}`,
      };
    }
    case "change": {
      if (step.wish === "migrate-now")
        return { action: "move", effectiveAt: null, detail: "at once, prorated by Stripe" };
      const how = planId === wish.planId ? "the end of its period" : `with its change from ${planId}`;
      return { action: "move", effectiveAt: step.effectiveAt, detail: `from ${at}, ${how}` };
    }
  }
}

function freeMove(row: planVersionMoves.HoldingAccountRow, wish: MoveWish, now: Date): PlannedMove {
  const { accountId, wanted, effectiveAt, paidPlanId, periodEnd } = row;
  const isInForce = effectiveAt !== null && effectiveAt <= now;
  if (isInForce)
    return { accountId, action: "moved", effectiveAt, detail: `has v${row.freeVersion}`, isWritten: true };
  if (wanted?.toVersion === wish.toVersion)
    return {
      accountId,
      action: "planned",
      effectiveAt,
      detail: effectiveAt === null ? "is being planned" : `from ${effectiveAt.toISOString()}, as planned`,
      isWritten: true,
    };
  const isPaying = paidPlanId !== null;
  return {
    accountId,
    action: "move",
    effectiveAt: isPaying ? null : periodEnd,
    detail: isPaying
      ? `has ${paidPlanId}; from the end of the present cycle of Free on, for when it comes back`
      : `from ${periodEnd.toISOString()}, the end of its period`,
    isWritten: false,
  };
}
