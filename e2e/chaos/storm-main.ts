// `npm run chaos -- --kills 200 --seed 7`: the storm in its long form, on a system of its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createDriver, freeSystemPorts, startSystem } from "@driftlock/devkit";
import { runStorm, type StormReport } from "./storm.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed) || seed < 0)
  throw new Error("--kills takes a number from 1, --seed one from 0");

const say = (line: string) => void process.stdout.write(`${line}\n`);
say(`seed ${seed}, ${kills} kills`);
const home = await mkdtemp(join(tmpdir(), "driftlock-chaos-"));
const running = await startSystem({
  home,
  env: { ...(await freeSystemPorts()), DRIFTLOCK_RESTART_MS_MAX: "200" },
  readyWithinMs: 120_000,
});
let report: StormReport;
try {
  const driver = createDriver(running.dev);
  report = await runStorm({ driver, pidFolder: join(home, "simulator", "pids"), seed, kills, say });
} finally {
  await running.stop();
}
const { figures, differences, ...counts } = report;
say("");
for (const { accountId, metric, ...row } of figures) say(`${accountId} ${metric}: ${JSON.stringify(row)}`);
say(JSON.stringify({ seed, ...counts }));
if (differences.length === 0) {
  await rm(home, { recursive: true, force: true });
  say("every figure agrees");
} else {
  say(
    `${differences.length} differences; logs and data are kept in ${home}\n${differences.slice(0, 50).join("\n")}`,
  );
  process.exitCode = 1;
}
