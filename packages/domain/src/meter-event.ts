/** A period's running total of a billed metric, and what of it was frozen into windows so far. */
export interface UnreportedTotal {
  accountId: string;
  metric: string;
  periodStart: Date;
  periodEnd: Date;
  /** The total now. */
  quantity: number;
  /** Up to where windows were frozen; 0 before the first. */
  reportedQuantity: number;
  /** How many windows were frozen. */
  windowCount: number;
  stripeCustomerId: string;
  meterEventName: string;
}

/** One window `[fromQuantity, toQuantity)` of a running total, as it goes to Stripe. It never changes. */
export interface MeterWindow {
  identifier: string;
  accountId: string;
  metric: string;
  periodStart: Date;
  windowNo: number;
  fromQuantity: number;
  toQuantity: number;
  stripeCustomerId: string;
  meterEventName: string;
  eventAt: Date;
}

/** Freezes what a total has grown by (or shrunk by: Stripe's meters take negative values) since its last window. */
export function freezeWindow(total: UnreportedTotal, now: Date): MeterWindow {
  const { accountId, metric, periodStart, periodEnd, stripeCustomerId, meterEventName } = total;
  const windowNo = total.windowCount + 1;
  return {
    identifier: meterEventIdentifier({ accountId, metric, periodStart, windowNo }),
    accountId,
    metric,
    periodStart,
    windowNo,
    fromQuantity: total.reportedQuantity,
    toQuantity: total.quantity,
    stripeCustomerId,
    meterEventName,
    eventAt: meterEventTimestamp({ periodStart, periodEnd, now }),
  };
}

/**
 * What Stripe tells repeats by: derived from what it bills, never random. At most 100 characters (64 of the account, 7
 * and 5 of the period and the window in base 36, 16 of the metric's hash, 4 between).
 */
export function meterEventIdentifier(window: {
  accountId: string;
  metric: string;
  periodStart: Date;
  windowNo: number;
}): string {
  const periodStartSeconds = Math.floor(window.periodStart.getTime() / 1000);
  return [
    window.accountId,
    fnv1a64(window.metric).toString(16).padStart(16, "0"),
    periodStartSeconds.toString(36),
    window.windowNo.toString(36),
  ].join(".");
}

/**
 * The instant that a window is reported at: now, but inside of the period that is billed, in whole seconds (Stripe's
 * unit). A closed period's last windows carry its last second (DESIGN 6).
 */
export function meterEventTimestamp(at: { periodStart: Date; periodEnd: Date; now: Date }): Date {
  const secondsOf = (instant: Date) => Math.floor(instant.getTime() / 1000);
  const lastSecond = Math.ceil(at.periodEnd.getTime() / 1000) - 1;
  const firstSecond = Math.ceil(at.periodStart.getTime() / 1000);
  return new Date(Math.max(firstSecond, Math.min(secondsOf(at.now), lastSecond)) * 1000);
}

function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const character of text) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n);
  }
  return hash;
}
