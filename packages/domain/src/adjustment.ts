import { leftOf } from "./carried.ts";
import { meterEventIdentifier } from "./meter-event.ts";
import { overageAmountMinor, type OveragePrice } from "./price.ts";

/**
 * How long a closed period's late usage is gathered before it becomes a line of an invoice, from the first event on.
 * Business time.
 */
export const adjustmentGatherMs = 60 * 60 * 1000;

/** A billed total of a closed period, and what became money of it. */
export interface ClosedTotal {
  accountId: string;
  metric: string;
  periodStart: Date;
  /** The total as it is now. */
  totalQuantity: number;
  /** What Stripe's meter was told of it, and of all parts of the period together where its plan changed. */
  sentQuantity: number;
  closeSentQuantity: number;
  /** Whether its period is all that the close was about; the plan did not change in it. */
  isWholePeriod: boolean;
  /** Up to where adjustments reach; null before the first. */
  adjustedQuantity: number | null;
  /** What earlier parts of the billing period have used on the same plan; Stripe's item counts without it. */
  carriedQuantity: number;
  /** How much of that adjustments reach; 0 before the first. */
  adjustedCarried: number;
  windowCount: number;
  /** Whether the close ended without having compared all of it with Stripe. */
  isMismatched: boolean;
  /** What the close's invoice bills of the metric; null while that is not known. Without an invoice, `none`. */
  invoicedQuantity: number | null | "none";
  price: OveragePrice;
}

export interface AdjustmentWindow {
  adjustmentId: string;
  windowNo: number;
  fromQuantity: number;
  toQuantity: number;
  fromCarried: number;
  toCarried: number;
  /** Minor units; below zero it is a credit. */
  amountMinor: number;
  /** `allowance`: the invoice gave what is included a second time in the period. */
  reason: "late" | "remainder" | "allowance";
  state: "pending" | "settled" | "review";
}

export type AdjustmentDecision =
  | { outcome: "none" }
  /** What the invoice bills is not known yet. */
  | { outcome: "wait" }
  | { outcome: "adjust"; window: AdjustmentWindow };

/**
 * The next window that is to be billed, or given back, of a closed period's total (docs/decisions/0019): first what earlier
 * parts of its billing period leave of the included quantity, then what the total has grown by.
 */
export function decideAdjustment(total: ClosedTotal): AdjustmentDecision {
  const billed = total.adjustedQuantity ?? billedQuantity(total);
  if (billed === null) return { outcome: "wait" };
  const isKnown = billed !== "unknown";
  const fromQuantity = isKnown ? billed : total.sentQuantity;
  const fromCarried = total.adjustedCarried;
  const toCarried = Math.min(total.carriedQuantity, total.price.includedQuantity);
  const isAllowance = fromCarried !== toCarried;
  const toQuantity = isAllowance ? fromQuantity : total.totalQuantity;
  if (fromQuantity === toQuantity && !isAllowance) return { outcome: "none" };
  const quantities = { fromQuantity, toQuantity, fromCarried, toCarried };
  const amountMinor = windowAmountMinor(quantities, total.price);
  const windowNo = total.windowCount + 1;
  return {
    outcome: "adjust",
    window: {
      adjustmentId: `adj.${meterEventIdentifier({ ...total, windowNo })}`,
      windowNo,
      ...quantities,
      amountMinor,
      reason: isAllowance ? "allowance" : total.isMismatched && windowNo === 1 ? "remainder" : "late",
      state: !isKnown ? "review" : amountMinor === 0 ? "settled" : "pending",
    },
  };
}

interface Window {
  fromQuantity: number;
  toQuantity: number;
  fromCarried: number;
  toCarried: number;
}

/**
 * What `[fromQuantity, toQuantity)` of a period's total costs: the difference of what the total costs at both ends, each
 * rounded once. Windows that join add up to the price of the whole, and the included quantity is given once.
 */
export const windowAmountMinor = (
  { fromQuantity, toQuantity, fromCarried, toCarried }: Window,
  price: OveragePrice,
): number =>
  overageAmountMinor(toQuantity, priceAfter(price, toCarried)) -
  overageAmountMinor(fromQuantity, priceAfter(price, fromCarried));

/** A price of which earlier parts of the billing period have used `carried` of the included quantity. */
export const priceAfter = (price: OveragePrice, carried: number): OveragePrice => ({
  ...price,
  includedQuantity: leftOf(price.includedQuantity, carried),
});

/**
 * Up to where the period's own invoice bills the total. A close that was verified says so itself. One that was not can
 * have sent what came too late for the invoice, or nothing of what waited: then the invoice's own lines say it; "unknown"
 * where they are of several parts of the period and do not agree with what was sent.
 */
function billedQuantity(total: ClosedTotal): number | "unknown" | null {
  const { isMismatched, invoicedQuantity, sentQuantity, closeSentQuantity, isWholePeriod } = total;
  if (!isMismatched || invoicedQuantity === "none") return sentQuantity;
  if (invoicedQuantity === null) return null;
  if (invoicedQuantity === closeSentQuantity) return sentQuantity;
  return isWholePeriod ? invoicedQuantity : "unknown";
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const days = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
  timeZone: "UTC",
});

/** What the customer reads on the invoice: "Late usage: 1,000 events, 1–31 July 2026". */
export function describeAdjustment(line: {
  reason: AdjustmentWindow["reason"];
  quantity: number;
  /** In the singular. */
  unit: string;
  periodStart: Date;
  periodEnd: Date;
}): string {
  const { reason, quantity, unit, periodStart, periodEnd } = line;
  const what = quantity < 0 ? "Usage correction" : "Late usage";
  const lastInstant = new Date(periodEnd.getTime() - 1);
  const units = Math.abs(quantity) === 1 ? unit : `${unit}s`;
  // How wide the spaces around the dash are is a matter of the runtime's version.
  const range = days.formatRange(periodStart, lastInstant).replace(/\s*–\s*/, "–");
  if (reason === "allowance") return `Included ${unit}s that were used before, ${range}`;
  return `${what}: ${whole.format(quantity)} ${units}, ${range}`;
}
