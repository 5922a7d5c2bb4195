import { drawBatch } from "./draw-histories.ts";
import type { Course, History } from "./history.ts";
import { type StoreMaker, startStores } from "./open-stores.ts";
import { type Batch, runBatch, type Verdict } from "./run-batch.ts";
import { shrink } from "./shrink.ts";

export interface RunOptions {
  seed: number;
  histories: number;
  /** How many histories live side by side. */
  batch: number;
  /** Over how many processes the batches are dealt out, in turn. */
  processes: number;
  /** How many of those that diverge are shrunk. */
  shrink: number;
}

export interface Lived {
  lived: number;
  diverged: number;
  /** How often each action was taken, and how often Stripe refused it. */
  taken: Readonly<Record<string, number>>;
  /** CPU time of this process since it was last told, in microseconds. */
  cpuMicros: number;
}

export interface Listener {
  say(line: string): void;
  /** Told after each batch. @returns whether there shall be another. */
  onBatch(lived: Lived): boolean | Promise<boolean>;
}

/** The batches that a run is made of are the same ones, however many processes live them. */
export const batchesOf = ({ histories, batch }: Pick<RunOptions, "histories" | "batch">): number =>
  Math.ceil(histories / batch);

/** Lives one process's part of a run's batches, one after the other. */
export async function liveBatches(options: RunOptions, part: number, listener: Listener): Promise<void> {
  const { seed, histories, batch, processes } = options;
  const stores = await startStores();
  try {
    const live = createLive(stores, options.shrink, listener);
    for (let batchNo = part; batchNo < batchesOf(options); batchNo += processes) {
      const size = Math.min(batch, histories - batchNo * batch);
      const lived = await live(drawBatch({ seed, batchNo, size }), `seed ${seed}, batch ${batchNo}`);
      if (!(await listener.onBatch(lived))) return;
    }
  } finally {
    await stores.close();
  }
}

/** Lives one history again. */
export async function liveAgain(
  { course, history }: { course: Course; history: History },
  { shrinkMax, listener }: { shrinkMax: number; listener: Listener },
): Promise<void> {
  const stores = await startStores();
  try {
    const live = createLive(stores, shrinkMax, listener);
    await listener.onBatch(await live({ course, histories: [history] }, "replayed"));
  } finally {
    await stores.close();
  }
}

function createLive(stores: StoreMaker, shrinkMax: number, { say }: Listener) {
  let shrunk = 0;
  let cpu = process.cpuUsage();

  async function tellShrunk(course: Course, history: History): Promise<void> {
    const simplest = await shrink(course, history, stores);
    if (simplest === null) return say("  it does not diverge when it is lived again");
    say("shrunk to");
    tell(simplest.verdict, { course, history: simplest.history });
  }
  function tell({ differences }: Verdict, lived: { course: Course; history: History }): void {
    for (const difference of differences.slice(0, 10)) say(`  ${difference}`);
    say(`  --history '${JSON.stringify(lived)}'`);
  }
  return async (batch: Batch, name: string): Promise<Lived> => {
    const { stores: own, drop } = await stores.open();
    const verdicts = await runBatch(batch, own);
    await drop();
    const taken: Record<string, number> = {};
    for (const verdict of verdicts) addCounts(taken, verdict.taken);
    const diverged = [...verdicts.entries()].filter(([, { differences }]) => differences.length > 0);
    for (const [index, verdict] of diverged) {
      const history = batch.histories[index];
      if (history === undefined) continue;
      say(`DIVERGED ${name}, history ${index}`);
      tell(verdict, { course: batch.course, history });
      if (shrunk++ < shrinkMax) await tellShrunk(batch.course, history);
    }
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    return { lived: verdicts.length, diverged: diverged.length, taken, cpuMicros: user + system };
  };
}

export function addCounts(total: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) total[name] = (total[name] ?? 0) + count;
}
