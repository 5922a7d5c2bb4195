import type { MeterWindow } from "./meter-event.ts";

export interface StaleReport {
  identifier: string;
  quantity: number;
}

export type StaleDecision =
  | { outcome: "decided"; arrived: StaleReport[]; missing: StaleReport[] }
  /** No way of arriving explains what the sink has. */
  | { outcome: "mismatch"; unexplained: number };

/**
 * Which reports of unknown fate have arrived, from the total that the sink has of all reports and what is known to be
 * there. They were sent in this order, one after the other, so those that arrived are the first so many of them.
 */
export function decideStaleReports(
  reports: readonly StaleReport[],
  { confirmed, total }: { confirmed: number; total: number },
): StaleDecision {
  let explained = confirmed;
  for (let count = 0; ; count++) {
    if (explained === total)
      return { outcome: "decided", arrived: reports.slice(0, count), missing: reports.slice(count) };
    const next = reports[count];
    if (next === undefined) return { outcome: "mismatch", unexplained: total - confirmed };
    explained += next.quantity;
  }
}

/**
 * Which reports that Stripe took are not in its summaries, where only one answer explains the difference: all of them,
 * or a single one. Empty where it cannot be told.
 */
export function lostReports(
  reports: readonly StaleReport[],
  { reported, total }: { reported: number; total: number },
): readonly StaleReport[] {
  const missing = reported - total;
  const alone = reports.filter(({ quantity }) => quantity === missing);
  const isAll = reports.reduce((sum, { quantity }) => sum + quantity, 0) === missing;
  if (isAll) return alone.length === 0 || reports.length === 1 ? reports : [];
  return alone.length === 1 ? alone : [];
}

export type ResendDecision =
  /** Stripe lacks it: it is told again, under a new identifier. */
  | "send-again"
  /** Stripe has it. */
  | "arrived"
  /** The figures do not say. */
  | "unexplained";

/**
 * What becomes of a failed report that was released, from what the ledger holds of its minutes without it, and Stripe's
 * total of them. Where the figures do not say, a person's word does (`isDecided`), but never so that Stripe would hold
 * more than was reported: what is too much there could be this report. A total of the period (`last`) replaces what is
 * there, so it may be told again at any time.
 */
export function decideResend(
  { reportMode, fromQuantity, toQuantity }: Pick<MeterWindow, "reportMode" | "fromQuantity" | "toQuantity">,
  { reported, total, isDecided }: { reported: number; total: number; isDecided: boolean },
): ResendDecision {
  if (total === reported) return "send-again";
  const quantity = toQuantity - fromQuantity;
  if (total === (reportMode === "last" ? toQuantity : reported + quantity)) return "arrived";
  const isRoomLeft = reportMode === "last" || (quantity > 0 ? total < reported : total > reported);
  return isDecided && isRoomLeft ? "send-again" : "unexplained";
}
