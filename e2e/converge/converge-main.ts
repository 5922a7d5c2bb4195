// `npm run converge -- --histories 2000 --seed 7`: histories of customers, and whether all ends as Stripe says.
// `--history JSON`, or `--replay FILE` with it in, lives one history again.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { drawBatch } from "./draw-histories.ts";
import type { Course, History } from "./history.ts";
import { startStores } from "./open-stores.ts";
import { type Batch, runBatch, type Verdict } from "./run-batch.ts";
import { shrink } from "./shrink.ts";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "1000" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    /** How many live side by side. */
    batch: { type: "string", default: "150" },
    /** Ends with the first batch in which one diverges. */
    stop: { type: "boolean", default: false },
    history: { type: "string" },
    replay: { type: "string" },
    /** How many of those that diverge are shrunk. */
    shrink: { type: "string", default: "1" },
  },
});
const [wanted, seed, size, shrinkMax] = [values.histories, values.seed, values.batch, values.shrink].map(
  Number,
);
if (![wanted, seed, size, shrinkMax].every(Number.isInteger) || !wanted || !size || seed === undefined)
  throw new Error("--histories, --seed, --batch and --shrink take whole numbers");

const say = (line: string) => void process.stdout.write(`${line}\n`);
const given =
  values.history ?? (values.replay === undefined ? undefined : readFileSync(values.replay, "utf8"));
const replayed = given === undefined ? null : (JSON.parse(given) as { course: Course; history: History });
const startedAtMs = performance.now();
const stores = await startStores();
const total = { lived: 0, diverged: 0, shrunk: 0, taken: {} as Record<string, number> };

async function live(batch: Batch, name: string): Promise<void> {
  const { stores: own, drop } = await stores.open();
  const verdicts = await runBatch(batch, own);
  await drop();
  total.lived += verdicts.length;
  for (const [index, verdict] of verdicts.entries()) {
    for (const [act, count] of Object.entries(verdict.taken))
      total.taken[act] = (total.taken[act] ?? 0) + count;
    const history = batch.histories[index];
    if (verdict.differences.length === 0 || history === undefined) continue;
    total.diverged++;
    say(`DIVERGED seed ${seed}, ${name}, history ${index}`);
    tell(verdict, { course: batch.course, history });
    if (total.shrunk++ < (shrinkMax ?? 0)) await tellShrunk(batch.course, history);
  }
}

async function tellShrunk(course: Course, history: History): Promise<void> {
  const shrunk = await shrink(course, history, stores);
  if (shrunk === null) return say("  it does not diverge when it is lived again");
  say("shrunk to");
  tell(shrunk.verdict, { course, history: shrunk.history });
}

function tell({ differences }: Verdict, lived: { course: Course; history: History }): void {
  for (const difference of differences.slice(0, 10)) say(`  ${difference}`);
  say(`  --history '${JSON.stringify(lived)}'`);
}

function progress(): void {
  const seconds = (performance.now() - startedAtMs) / 1000;
  const cpu = process.cpuUsage();
  const rates = `${(total.lived / seconds).toFixed(1)}/s, cpu ${((cpu.user + cpu.system) / 1e6).toFixed(0)} s`;
  say(`${total.lived} of ${wanted}, ${total.diverged} diverged, ${seconds.toFixed(0)} s, ${rates}`);
}

try {
  if (replayed !== null) await live({ course: replayed.course, histories: [replayed.history] }, "replayed");
  else
    for (let batchNo = 0; total.lived < (wanted ?? 0); batchNo++) {
      const batch = drawBatch({
        seed: seed ?? 0,
        batchNo,
        size: Math.min(size ?? 1, (wanted ?? 0) - total.lived),
      });
      await live(batch, `batch ${batchNo}`);
      progress();
      if (values.stop && total.diverged > 0) break;
    }
} finally {
  await stores.close();
}
if (replayed === null) say(JSON.stringify(total.taken));
say(`${total.lived} histories, ${total.diverged} diverged`);
process.exitCode = total.diverged === 0 ? 0 : 1;
