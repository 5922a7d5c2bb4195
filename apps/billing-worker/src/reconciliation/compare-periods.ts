import { type reconciliationFigures, reconciliations, type ReconciliationRow } from "@driftlock/db";
import { type Judgement, judgeLook, type Look, reportLagMs } from "@driftlock/domain";
import type { Clock, Logger } from "@driftlock/runtime";
import { beginReading } from "./begin-reading.ts";
import { lookAtPeriods, type Seen } from "./look-at-periods.ts";
import type { LiveDeps } from "./sample-live.ts";

export interface CompareDeps extends LiveDeps {
  wallClock: Clock;
  log: Logger;
}

/** A counter that is being corrected looks wrong for a moment: it is looked at this often before it is said to be. */
const looksMax = 3;
const secondMs = 1_000;
const lookAgainMsMin = 5 * secondMs;
const lookAgainMsMax = 10 * 60 * secondMs;

type Judged = Seen & { judgement: Judgement };

/** Compares these periods and keeps what was found; a person is told of a drift when it becomes one. */
export async function comparePeriods(
  deps: CompareDeps,
  given: readonly reconciliationFigures.PeriodKey[],
): Promise<void> {
  const { db, wallClock, log } = deps;
  const keys = eachOnce(given);
  const now = wallClock.now();
  const judged = await judgePeriods(deps, keys, now);
  for (const each of judged.filter(({ judgement }) => judgement.state === "drifted")) {
    if (each.earlier?.state === "drifted") continue;
    const { accountId, metric, periodStart } = each.figures;
    // Before it is kept: told twice after a crash, never not at all.
    log.error(
      { page: true, accountId, metric, periodStart, differences: each.judgement.differences },
      "reconciliation.drifted",
    );
  }
  if (judged.length > 0) {
    await reconciliations.upsertCompared(
      db,
      judged.map((each) => rowOf(each, now)),
      now,
    );
  }
  await reconciliations.deleteOfPeriods(db, keys);
  for (const { figures } of judged.filter(isReadOnce)) await beginReading(db, figures, now);
}

async function judgePeriods(
  deps: CompareDeps,
  keys: readonly reconciliationFigures.PeriodKey[],
  now: Date,
): Promise<Judged[]> {
  const judge = (seen: Seen): Judged => ({
    ...seen,
    judgement: judgeLook(seen.look, earlierOf(seen.earlier), now.getTime()),
  });
  let judged = (await lookAtPeriods(deps, keys)).map(judge);
  for (let looks = 1; looks < looksMax; looks += 1) {
    const doubtful = eachOnce(judged.filter(hasLiveDifference).map(({ figures }) => figures));
    if (doubtful.length === 0) break;
    const again = (await lookAtPeriods(deps, doubtful)).map(judge);
    judged = [
      ...judged.filter(({ figures }) => !doubtful.some((each) => isSamePeriod(each, figures))),
      ...again,
    ];
  }
  return judged;
}

const eachOnce = <Key extends reconciliationFigures.PeriodKey>(keys: readonly Key[]): Key[] => [
  ...new Map(keys.map((key) => [`${key.accountId} ${key.periodStart.getTime()}`, key])).values(),
];

const hasLiveDifference = ({ judgement }: Judged): boolean =>
  judgement.differences.some(({ kind }) => kind === "live");

const isSamePeriod = (
  one: reconciliationFigures.PeriodKey,
  other: reconciliationFigures.PeriodKey,
): boolean => one.accountId === other.accountId && one.periodStart.getTime() === other.periodStart.getTime();

function earlierOf(row: ReconciliationRow | null) {
  if (row === null || !("baseline" in row.figures)) return null;
  return {
    state: row.state,
    differences: row.differences as Judgement["differences"],
    baseline: row.figures.baseline as Judgement["baseline"],
    isRepaired: row.repairedAt !== null,
  };
}

/** Its records differ by the first reading of them: a second one decides. */
const isReadOnce = ({ earlier }: Judged): boolean => earlier?.stored?.faults === 1;

function rowOf({ figures, earlier, look, judgement }: Judged, now: Date): reconciliations.ComparedRow {
  const { accountId, metric, periodStart, periodEnd } = figures;
  const { state, differences, largest, baseline } = judgement;
  const { windows, adjusted, live, stored, invoiced, isBilled, isClosed } = look;
  const isSame = earlier?.state === state;
  return {
    accountId,
    metric,
    periodStart,
    periodEnd,
    state,
    differences,
    largest,
    figures: {
      accepted: live ?? (isClosed ? look.total.after : null),
      stored: stored?.quantity ?? null,
      total: look.total.after,
      live,
      reported: windows.sent,
      confirmed: figures.confirmedQuantity,
      waiting: windows.open,
      refused: windows.failed,
      adjusted,
      invoiced: invoiced?.quantity ?? null,
      setAsideEvents: figures.setAsideEvents,
      isBilled,
      isClosed,
      baseline,
    },
    lookAt: lookAtOf(look, state, { now, since: isSame && earlier ? earlier.since : now }),
  };
}

/** Less and less often, the longer it lasts; what agrees is looked at when it moves, or comes by in the walk of all. */
function lookAtOf(
  { isClosed, isBilled, total, windows }: Look,
  state: ReconciliationRow["state"],
  { now, since }: { now: Date; since: Date },
): Date | null {
  const isBehind = isBilled && !isClosed && windows.sent + windows.open + windows.failed !== total.after;
  const lastedMs = now.getTime() - since.getTime();
  const isSettled = state === "agrees" || state === "repaired";
  if (isSettled && !isBehind) return null;
  const delayMs = isSettled ? reportLagMs : Math.min(Math.max(lastedMs / 2, lookAgainMsMin), lookAgainMsMax);
  return new Date(now.getTime() + delayMs);
}
