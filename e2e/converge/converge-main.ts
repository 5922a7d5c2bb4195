// `npm run converge -- --histories 2000 --seed 7`: histories of customers, and whether all ends as Stripe says.
import { parseArgs } from "node:util";
import { drawBatch } from "./draw-histories.ts";
import { startStores } from "./open-stores.ts";
import { runBatch } from "./run-batch.ts";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "1000" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    batch: { type: "string", default: "100" },
  },
});
const wanted = Number(values.histories);
const seed = Number(values.seed);
const size = Number(values.batch);
const say = (line: string) => void process.stdout.write(`${line}\n`);

const stores = await startStores();
const startedAtMs = performance.now();
let lived = 0;
let diverged = 0;
const taken: Record<string, number> = {};
try {
  for (let batchNo = 0; lived < wanted; batchNo++) {
    const batch = drawBatch({ seed, batchNo, size: Math.min(size, wanted - lived) });
    const { stores: own, drop } = await stores.open();
    const verdicts = await runBatch(batch, own);
    await drop();
    lived += verdicts.length;
    for (const [index, { differences, taken: acts }] of verdicts.entries()) {
      for (const [name, count] of Object.entries(acts)) taken[name] = (taken[name] ?? 0) + count;
      if (differences.length === 0) continue;
      diverged++;
      say(`batch ${batchNo} history ${index}:\n  ${differences.slice(0, 8).join("\n  ")}`);
      if (diverged <= 3) say(JSON.stringify({ course: batch.course, history: batch.histories[index] }));
    }
    const seconds = (performance.now() - startedAtMs) / 1000;
    say(`${lived} histories, ${diverged} diverged, ${seconds.toFixed(0)} s, ${(lived / seconds).toFixed(1)}/s, cpu ${(process.cpuUsage().user / 1e6).toFixed(0)} s`);
  }
} finally {
  await stores.close();
}
say(JSON.stringify(taken));
say(`${lived} histories, ${diverged} diverged`);
process.exitCode = diverged === 0 ? 0 : 1;
