import type { ReportMode } from "@driftlock/contracts";

/**
 * The end of a period that totals of it (`last`) are not dated in while it runs: these seconds are for its close, whose
 * reports must come after all others, by the instants they carry.
 */
const closeSeconds = 60;

/** Why Stripe could not count a report, where the cause lies outside of it: once that is gone, the same may go in. */
export const mendableMeterErrors: readonly string[] = [
  "archived_meter",
  "no_meter",
  "meter_event_customer_not_found",
];

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
  /** The instant that the last window carries. */
  lastEventAt: Date | null;
  stripeCustomerId: string;
  meterEventName: string;
  reportMode: ReportMode;
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
  reportMode: ReportMode;
  eventAt: Date;
}

/** Freezes what a total has grown by (or shrunk by: Stripe's meters take negative values) since its last window. */
export function freezeWindow(total: UnreportedTotal, now: Date): MeterWindow {
  const { accountId, metric, periodStart, stripeCustomerId, meterEventName, reportMode } = total;
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
    reportMode,
    eventAt: reportMode === "last" ? risingTimestamp(total, now) : meterEventTimestamp({ ...total, now }),
  };
}

/** What goes to Stripe: the change, which a sum adds up, or the total so far. May be negative: it takes back. */
export const meterEventValue = (
  window: Pick<MeterWindow, "reportMode" | "fromQuantity" | "toQuantity">,
): number => (window.reportMode === "last" ? window.toQuantity : window.toQuantity - window.fromQuantity);

/** Whether only the close of its period may freeze this total now. */
export const isLeftToClose = (
  { reportMode, periodEnd }: Pick<UnreportedTotal, "reportMode" | "periodEnd">,
  now: Date,
): boolean => reportMode === "last" && now.getTime() >= periodEnd.getTime() - closeSeconds * 1_000;

/**
 * What Stripe tells repeats by: derived from what it bills, never random. At most 100 characters (64 of the account, 7
 * and 5 of the period and the window in base 36, 16 of the metric's hash, 5 between, and the number of a resend).
 */
export function meterEventIdentifier(window: {
  accountId: string;
  metric: string;
  periodStart: Date;
  windowNo: number;
  /** How often the window was told anew, under another identifier, because it got lost. (Default: 0.) */
  resendNo?: number;
}): string {
  const periodStartSeconds = Math.floor(window.periodStart.getTime() / 1000);
  return [
    window.accountId,
    fnv1a64(window.metric).toString(16).padStart(16, "0"),
    periodStartSeconds.toString(36),
    window.windowNo.toString(36),
    ...(window.resendNo ? [window.resendNo.toString(36)] : []),
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

/**
 * The newest instant decides what a total of the period is, so each window's is later than the one before, by a second at
 * least. While the period runs they stay out of its last minute, which is the close's.
 */
function risingTimestamp({ periodStart, periodEnd, lastEventAt }: UnreportedTotal, now: Date): Date {
  const closeAt = new Date(Math.max(periodStart.getTime(), periodEnd.getTime() - closeSeconds * 1_000));
  const wanted = meterEventTimestamp({ periodStart, periodEnd, now: now < closeAt ? now : closeAt });
  const next = (lastEventAt?.getTime() ?? 0) + 1_000;
  return meterEventTimestamp({ periodStart, periodEnd, now: new Date(Math.max(wanted.getTime(), next)) });
}

function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const character of text) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n);
  }
  return hash;
}
