import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawBatch } from "../draw-histories.ts";
import type { Course, History } from "../history.ts";
import { addCounts, batchesOf, type Listener, type Lived, type RunOptions } from "../live-batches.ts";
import { type StoreMaker, startStores } from "../open-stores.ts";
import type { Batch } from "../run-batch.ts";
import { drawRuin, type Ruin } from "./ruin.ts";
import { runKill9Batch } from "./run-kill9-batch.ts";

/** What is printed of a history that diverged, and lives it again. */
export interface Ruined {
  course: Course;
  history: History;
  ruin: Ruin;
}

/** Lives a run's batches against processes that are killed, one after the other. */
export async function liveKilled(
  options: Pick<RunOptions, "seed" | "histories" | "batch">,
  listener: Listener,
): Promise<void> {
  const { seed, histories, batch } = options;
  const stores = await startStores();
  try {
    for (let batchNo = 0; batchNo < batchesOf(options); batchNo++) {
      const of = { seed, batchNo, size: Math.min(batch, histories - batchNo * batch) };
      const drawn = drawBatch(of);
      const ruin = drawRuin({ ...of, slots: drawn.course.gapsMinutes.length });
      const lived = await live(stores, drawn, { ruin, name: `seed ${seed}, batch ${batchNo}`, ...listener });
      if (!(await listener.onBatch(lived))) return;
    }
  } finally {
    await stores.close();
  }
}

/** Lives one history again; what its processes do is not twice the same. */
export async function liveAgainKilled({ course, history, ruin }: Ruined, listener: Listener): Promise<void> {
  const stores = await startStores();
  try {
    const batch = { course, histories: [history] };
    await listener.onBatch(await live(stores, batch, { ruin, name: "replayed", ...listener }));
  } finally {
    await stores.close();
  }
}

async function live(
  stores: StoreMaker,
  batch: Batch,
  { ruin, name, say }: { ruin: Ruin; name: string; say(line: string): void },
): Promise<Lived> {
  const { stores: own, drop } = await stores.open();
  const logFolder = mkdtempSync(join(tmpdir(), "driftlock-converge-"));
  const cpu = process.cpuUsage();
  const { verdicts, killed } = await runKill9Batch(batch, { ruin, stores: own, logFolder });
  await drop();
  const taken: Record<string, number> = {};
  for (const verdict of verdicts) addCounts(taken, verdict.taken);
  const diverged = [...verdicts.entries()].filter(([, { differences }]) => differences.length > 0);
  for (const [index, { differences }] of diverged) {
    const history = batch.histories[index];
    say(`DIVERGED ${name}, history ${index}`);
    for (const difference of differences.slice(0, 10)) say(`  ${difference}`);
    say(`  --history '${JSON.stringify({ course: batch.course, history, ruin })}'`);
  }
  say(`${name}: killed ${JSON.stringify(killed)}`);
  if (diverged.length === 0) rmSync(logFolder, { recursive: true });
  else say(`what the processes wrote is kept in ${logFolder}`);
  const { user, system } = process.cpuUsage(cpu);
  return { lived: verdicts.length, diverged: diverged.length, taken, cpuMicros: user + system };
}
