// `npm run converge -- --histories 2000 --seed 7`: histories of customers, and whether all ends as Stripe says.
// `--kill9 200` lives so many against processes that are killed with -9. `--history JSON`, or `--replay FILE` with it in, lives one history again.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Course, History } from "./history.ts";
import { liveAgainKilled, liveKilled, type Ruined } from "./kill9/live-killed.ts";
import { addCounts, batchesOf, type Lived, liveAgain, liveBatches } from "./live-batches.ts";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "1000" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    /** So many histories, against processes. */
    kill9: { type: "string" },
    /** How many live side by side. (Default: 150; 50 against processes.) */
    batch: { type: "string" },
    /** How many processes live batches at the same time, each with a Postgres and a Redis of its own. */
    processes: { type: "string", default: "2" },
    /** Ends with the first batches in which one diverges. */
    stop: { type: "boolean", default: false },
    history: { type: "string" },
    replay: { type: "string" },
    /** How many of those that diverge are shrunk, by each process. */
    shrink: { type: "string", default: "1" },
    /** Which part of the run this process lives; given by the one that started it. */
    part: { type: "string" },
  },
});

/** @throws Error where it is none. */
function wholeNumber(name: "histories" | "seed" | "batch" | "processes" | "shrink", min: number): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < min)
    throw new Error(`--${name} takes a whole number from ${min} on`);
  return number;
}
values.histories = values.kill9 ?? values.histories;
values.batch ??= values.kill9 === undefined ? "150" : "50";
const asked = {
  seed: wholeNumber("seed", 0),
  histories: wholeNumber("histories", 1),
  batch: wholeNumber("batch", 1),
  shrink: wholeNumber("shrink", 0),
};
const options = { ...asked, processes: Math.min(wholeNumber("processes", 1), batchesOf(asked)) };
const say = (line: string) => void process.stdout.write(`${line}\n`);

const startedAtMs = performance.now();
const total = { lived: 0, diverged: 0, cpuMicros: 0, taken: {} as Record<string, number> };

function onBatch(lived: Lived): boolean {
  total.lived += lived.lived;
  total.diverged += lived.diverged;
  total.cpuMicros += lived.cpuMicros;
  addCounts(total.taken, lived.taken);
  progress();
  return !values.stop || total.diverged === 0;
}

function progress(): void {
  const seconds = (performance.now() - startedAtMs) / 1000;
  const rates = `${(total.lived / seconds).toFixed(1)}/s, cpu ${(total.cpuMicros / 1e6).toFixed(0)} s`;
  say(
    `${total.lived} of ${options.histories}, ${total.diverged} diverged, ${seconds.toFixed(0)} s, ${rates}`,
  );
}

/** Lives the `part`-th part in another process. @throws Error where that comes to no end of its own. */
async function liveElsewhere(part: number): Promise<void> {
  const more = ["--seed", `${asked.seed}`, "--part", `${part}`];
  const child = fork(import.meta.filename, [...process.argv.slice(2), ...more]);
  child.on("message", (lived: Lived) => void child.send(onBatch(lived)));
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw new Error(`the process of part ${part} ended by ${signal ?? `code ${code}`}`);
}

/** Lives a part for the process that started this one. */
async function livePart(part: number): Promise<void> {
  process.once("disconnect", () => process.exit(1));
  await liveBatches(options, part, {
    say,
    onBatch: async (lived) => {
      const answer = once(process, "message");
      process.send?.(lived);
      return (await answer)[0] as boolean;
    },
  });
  process.exit(0);
}

const given =
  values.history ?? (values.replay === undefined ? undefined : readFileSync(values.replay, "utf8"));
if (values.part !== undefined) await livePart(Number(values.part));
else if (given !== undefined) {
  const replayed = JSON.parse(given) as { course: Course; history: History } | Ruined;
  if ("ruin" in replayed) await liveAgainKilled(replayed, { say, onBatch });
  else await liveAgain(replayed, { shrinkMax: options.shrink, listener: { say, onBatch } });
} else if (values.kill9 !== undefined) await liveKilled(options, { say, onBatch });
else if (options.processes === 1) await liveBatches(options, 0, { say, onBatch });
else await Promise.all(Array.from({ length: options.processes }, (_, part) => liveElsewhere(part)));

if (values.part === undefined) {
  say(JSON.stringify(total.taken));
  say(`${total.lived} histories, ${total.diverged} diverged`);
  process.exitCode = total.diverged === 0 ? 0 : 1;
}
