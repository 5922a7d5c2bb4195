/** What can differ: the live counter, the records, what Stripe was told, a report it refused, what the invoice bills. */
export const differenceKinds = ["live", "stored", "reported", "failed", "invoiced"] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

/**
 * One look at a metric of a period, from places that are not read in the same instant: each figure stands beside the
 * total before and after it was read, and agrees with any value that the total may have had meanwhile.
 */
export interface Look {
  isClosed: boolean;
  /** Its plan has a price for the metric. */
  isBilled: boolean;
  /** Stripe is told its usage and bills none of it (ADR 0027). */
  isTrial: boolean;
  /** Before everything else was read, and after all that was accepted until then was committed. */
  total: Bounds;
  /** Null: not known now (no counter is built, or what was accepted is not committed yet). */
  live: number | null;
  /** What the last reading of its records found, with the total around it; `faults`: readings in a row that differ. */
  stored: (Bounds & { quantity: number; faults: number }) | null;
  /** Windows of the total: what Stripe has, what is on its way, what it refused. */
  windows: { sent: number; open: number; failed: number };
  adjusted: number;
  /** Late usage of it is being looked at. */
  isAdjusting: boolean;
  /** On final invoices' lines; `isDraft`: there is one that is not final yet. */
  invoiced: { quantity: number; isDraft: boolean } | null;
}

interface Bounds {
  before: number;
  after: number;
}

export type ReconciliationState = "agrees" | "in_flight" | "drifted" | "repaired";

/** `found` should be `expected`; since when it has not been, look after look. Wall time, unix milliseconds. */
export interface Difference {
  kind: DifferenceKind;
  expected: number;
  found: number;
  sinceMs: number;
}

/** What the look before this one left. */
export interface EarlierLook {
  state: ReconciliationState;
  differences: readonly Difference[];
  baseline: Baseline;
  isRepaired: boolean;
}

/** Totals of before: one that is at least `reportLagMs` old (null: none is yet), and the one that follows it then. */
export interface Baseline {
  old: number | null;
  next: { total: number; atMs: number };
}

export interface Judgement {
  state: ReconciliationState;
  differences: Difference[];
  baseline: Baseline;
  /** The greatest distance of a figure from what it should be. */
  largest: number;
}

/** A difference that is still there after this long is none that is on its way. */
export const driftPersistsMs = 60_000;
/** What was counted this long ago has been put into a window, with time to spare (REPORT_INTERVAL_MS). */
export const reportLagMs = 5 * 60_000;
/** Two readings, because one may have begun in the middle of a change of periods. */
const storedFaultsMax = 2;

/**
 * Compares one look with the one before. In flight is no drift: a difference counts once it is settled (nothing is on its
 * way that could explain it) and has been seen for `driftPersistsMs`.
 */
export function judgeLook(look: Look, earlier: EarlierLook | null, nowMs: number): Judgement {
  const baseline = nextBaseline(look, earlier, nowMs);
  const found = [
    ...compareLive(look),
    ...compareStored(look),
    ...compareReported(look, baseline),
    ...compareFailed(look),
    ...compareInvoiced(look),
  ];
  const differences = found.map(({ kind, expected, found: quantity }): Difference => {
    const before = earlier?.differences.find((each) => each.kind === kind);
    return { kind, expected, found: quantity, sinceMs: before?.sinceMs ?? nowMs };
  });
  const hasDrifted = found.some(
    ({ isSettled }, index) => isSettled && nowMs - (differences[index]?.sinceMs ?? nowMs) >= driftPersistsMs,
  );
  const agreed = earlier?.isRepaired === true ? "repaired" : "agrees";
  return {
    state: hasDrifted ? "drifted" : differences.length > 0 || isOnItsWay(look) ? "in_flight" : agreed,
    differences,
    baseline,
    largest: Math.max(0, ...differences.map((each) => Math.abs(each.expected - each.found))),
  };
}

interface Found extends Omit<Difference, "sinceMs"> {
  /** Nothing is on its way that would explain it. */
  isSettled: boolean;
}

/** How far a value lies outside of what the total was meanwhile; null where it does not. */
function outside(value: number, { before, after }: Bounds): number | null {
  const [low, high] = before < after ? [before, after] : [after, before];
  return value < low ? low : value > high ? high : null;
}

function compareLive({ live, total }: Look): Found[] {
  const expected = live === null ? null : outside(live, total);
  return expected === null || live === null ? [] : [{ kind: "live", expected, found: live, isSettled: true }];
}

function compareStored({ stored }: Look): Found[] {
  const expected = stored === null ? null : outside(stored.quantity, stored);
  if (stored === null || expected === null) return [];
  const isSettled = stored.faults >= storedFaultsMax;
  return [{ kind: "stored", expected, found: stored.quantity, isSettled }];
}

/**
 * Closed: what Stripe has is the total, or the total without what was adjusted (what it was told too late is adjusted all
 * the same, ADR 0019). Open: what was frozen is a total that was seen lately; how much of that Stripe has is the outbox's
 * own affair.
 */
function compareReported(look: Look, baseline: Baseline): Found[] {
  const { isClosed, isBilled, windows, adjusted, isAdjusting, total } = look;
  const told = windows.sent + (isClosed ? 0 : windows.open + windows.failed);
  const isSettled = !isAdjusting && (!isClosed || windows.open === 0);
  if (!isBilled) return told === 0 ? [] : [{ kind: "reported", expected: 0, found: told, isSettled }];
  if (isClosed && outside(told, total) === null) return [];
  const open = { before: Math.min(baseline.old ?? 0, lower(total)), after: higher(total) };
  const expected = outside(told, isClosed ? without(total, adjusted) : open);
  return expected === null ? [] : [{ kind: "reported", expected, found: told, isSettled }];
}

const without = ({ before, after }: Bounds, adjusted: number): Bounds => ({
  before: before - adjusted,
  after: after - adjusted,
});
const lower = ({ before, after }: Bounds): number => Math.min(before, after);
const higher = ({ before, after }: Bounds): number => Math.max(before, after);

function nextBaseline({ total }: Look, earlier: EarlierLook | null, nowMs: number): Baseline {
  const present = { total: total.after, atMs: nowMs };
  if (earlier === null) return { old: null, next: present };
  const { old, next } = earlier.baseline;
  return nowMs - next.atMs < reportLagMs ? { old, next } : { old: next.total, next: present };
}

const compareFailed = ({ windows }: Look): Found[] =>
  windows.failed === 0 ? [] : [{ kind: "failed", expected: 0, found: windows.failed, isSettled: true }];

/** The line of a closed period and what was adjusted are its total: every unit is billed once. */
function compareInvoiced(look: Look): Found[] {
  const { isClosed, isBilled, isTrial, windows, invoiced, total, adjusted, isAdjusting } = look;
  if (!isClosed || !isBilled) return [];
  const quantity = invoiced?.quantity ?? 0;
  const expected = isTrial ? (quantity === 0 ? null : 0) : outside(quantity, without(total, adjusted));
  if (expected === null) return [];
  const isSettled = windows.open === 0 && !isAdjusting && invoiced?.isDraft !== true;
  return [{ kind: "invoiced", expected, found: quantity, isSettled }];
}

const isOnItsWay = ({ isClosed, isBilled, windows, isAdjusting, invoiced }: Look): boolean =>
  isAdjusting || (isClosed && isBilled && (windows.open > 0 || invoiced?.isDraft === true));
