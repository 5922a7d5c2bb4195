import type { Course, Fate, History } from "./history.ts";
import { runBatch, type Verdict } from "./run-batch.ts";
import type { StoreMaker } from "./open-stores.ts";

const plain: Fate = { how: "once", order: 0, slots: 1, isOtherVersion: false };
const isPlain = ({ how, order, isOtherVersion }: Fate): boolean =>
  how === "once" && order === 0 && !isOtherVersion;
const roundsMax = 30;

export interface Shrunk {
  history: History;
  verdict: Verdict;
}

/**
 * Takes away actions, faults and what is odd about deliveries while the history goes on to diverge. All that can be
 * taken away next is tried at once, side by side in one batch. Null where it does not diverge again.
 */
export async function shrink(course: Course, history: History, stores: StoreMaker): Promise<Shrunk | null> {
  let found = await firstDiverging(course, [history, history, history], stores);
  if (found === null) return null;
  for (let round = 0; round < roundsMax; round++) {
    const smaller = await firstDiverging(course, simpler(found.history), stores);
    if (smaller === null) return found;
    found = smaller;
  }
  return found;
}

async function firstDiverging(
  course: Course,
  histories: readonly History[],
  stores: StoreMaker,
): Promise<Shrunk | null> {
  if (histories.length === 0) return null;
  const { stores: own, drop } = await stores.open();
  const verdicts = await runBatch({ course, histories }, own);
  await drop();
  const index = verdicts.findIndex(({ differences }) => differences.length > 0);
  const verdict = verdicts[index];
  const history = histories[index];
  return verdict === undefined || history === undefined ? null : { verdict, history };
}

/** A history's next simpler forms, the much simpler ones first. */
function simpler(history: History): History[] {
  const { actions, faults, fates } = history;
  const isOdd = fates.some((fate) => !isPlain(fate));
  const without = <T>(list: readonly T[]): T[][] => list.map((_, index) => list.toSpliced(index, 1));
  const halves = <T>(list: readonly T[]): T[][] =>
    list.length < 4 ? [] : [list.slice(list.length / 2), list.slice(0, list.length / 2)];
  return [
    ...(faults.length > 0 && isOdd ? [{ ...history, faults: [], fates: [] }] : []),
    ...(faults.length > 1 ? [{ ...history, faults: [] }] : []),
    ...(isOdd ? [{ ...history, fates: [] }] : []),
    ...halves(actions).map((fewer) => ({ ...history, actions: fewer })),
    ...without(actions).map((fewer) => ({ ...history, actions: fewer })),
    ...without(faults).map((fewer) => ({ ...history, faults: fewer })),
    ...fates.flatMap((fate, index) =>
      isPlain(fate) ? [] : [{ ...history, fates: fates.with(index, plain) }],
    ),
    ...(history.shuffle === 0 ? [] : [{ ...history, shuffle: 0 }]),
  ];
}
