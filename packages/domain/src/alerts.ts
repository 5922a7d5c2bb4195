import type { AlertThreshold, OveragePolicy } from "@driftlock/contracts";
import { cycleAt, cycleIndexAt } from "./cycle.ts";
import { quantityWithinCap } from "./spend-cap.ts";

/** What an account is told of where it chose nothing else, in percent of what its plan includes. */
const defaultThresholds: readonly AlertThreshold[] = [50, 80, 100].map((percent) => ({ percent }));
const spendCapPercents = [80, 100] as const;

/** What decides the alerts of one metric in one period. */
export interface AlertRules {
  /** What the account chose; null: the defaults. */
  thresholds: readonly AlertThreshold[] | null;
  includedQuantity: number | null;
  overagePolicy: OveragePolicy;
  overageAmountMinor: number | null;
  overagePerUnits: number | null;
  spendCapMinor: number | null;
}

/** Something to tell: once in a period for each `key`, from the quantity `reachedFrom` on; null: never. */
export type Alert = { key: string; reachedFrom: number | null } & (
  | { kind: "threshold"; threshold: AlertThreshold }
  | { kind: "spend-cap"; percent: number }
);

/** Everything that one metric can be told of in one period, whether reached or not. */
export function alertsOf(rules: AlertRules): Alert[] {
  const thresholds = (rules.thresholds ?? defaultThresholds).map((threshold) => ({
    kind: "threshold" as const,
    threshold,
    key: thresholdKey(threshold),
    reachedFrom: quantityOf(threshold, rules.includedQuantity),
  }));
  return [...thresholds, ...spendCapAlerts(rules)];
}

/** What is to be told at a quantity, whatever was told before. */
export const reachedAlerts = (rules: AlertRules, quantity: number): Alert[] =>
  alertsOf(rules).filter(({ reachedFrom }) => reachedFrom !== null && quantity >= reachedFrom);

/**
 * What "once a period" is once of: a paid period, of which parts on one plan count on; on Free the whole cycle of the anchor, because its counter goes on
 * after a paid time in between (DESIGN 4.6).
 */
export const alertPeriodStart = (
  period: { periodStart: Date; countedFrom: Date; stripeSubscriptionId: string | null },
  freeAnchorAt: Date,
): Date =>
  period.stripeSubscriptionId === null
    ? cycleAt(freeAnchorAt, cycleIndexAt(freeAnchorAt, period.periodStart)).start
    : period.countedFrom;

/** How a threshold is stored, and how what was told of it is remembered. */
export const thresholdKey = (threshold: AlertThreshold): string =>
  "percent" in threshold ? `percent:${threshold.percent}` : `quantity:${threshold.quantity}`;

/** The reverse of `thresholdKey`. */
export function parseThreshold(key: string): AlertThreshold {
  const [kind, value] = key.split(":");
  return kind === "percent" ? { percent: Number(value) } : { quantity: Number(value) };
}

function quantityOf(threshold: AlertThreshold, includedQuantity: number | null): number | null {
  if ("quantity" in threshold) return threshold.quantity;
  // Nothing is a part of nothing, or of no end.
  if (includedQuantity === null || includedQuantity === 0) return null;
  return Number((BigInt(includedQuantity) * BigInt(threshold.percent) + 99n) / 100n);
}

/** The cap is of one period and one billed metric; at 100 % what comes next is refused. */
function spendCapAlerts(rules: AlertRules): Alert[] {
  const {
    includedQuantity,
    overageAmountMinor: amountMinor,
    overagePerUnits: perUnits,
    spendCapMinor,
  } = rules;
  if (rules.overagePolicy !== "bill" || spendCapMinor === null) return [];
  if (includedQuantity === null || amountMinor === null || perUnits === null) return [];
  const price = { includedQuantity, amountMinor, perUnits };
  return spendCapPercents.flatMap((percent) => {
    const costMinor = Math.ceil((spendCapMinor * percent) / 100);
    // Where nothing may be spent there is nothing to warn of before.
    if (percent < 100 && costMinor === 0) return [];
    const dearest = quantityWithinCap(price, percent < 100 ? costMinor - 1 : costMinor);
    const reachedFrom = dearest === null || percent === 100 ? dearest : dearest + 1;
    return [{ kind: "spend-cap" as const, percent, key: `spend-cap:${percent}`, reachedFrom }];
  });
}
