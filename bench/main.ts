// `npm run bench`: the whole benchmark, or what its options choose.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { UsageParts } from "@driftlock/devkit";
import type { Redis } from "ioredis";
import { chooseRows } from "./choose-rows.ts";
import { connectTo } from "./database.ts";
import { openParts } from "./open-parts.ts";
import { type BenchReport, describeMachine, readCommit, renderMarkdown } from "./report.ts";
import type { RowResult } from "./row-result.ts";
import { rows, type RowPlan } from "./rows.ts";
import { runRow } from "./run-row.ts";
import { benchWebhooks, renderLatestWebhooks } from "./webhooks/bench-webhooks.ts";

const USAGE = `npm run bench -- [options]
  --quick         the main rows, in under two minutes
  --webhooks      Stripe's events instead of usage (bench/webhooks)
  --row NAME      this row alone; may be given several times
  --seconds N     measured seconds of each row (60; of --quick 5 or 10)
  --huge          with 100 million stored rows and 10 million waiting events too
  --profile       CPU profiles of gateway and aggregators, to bench/results/profiles/
  --markdown      run nothing, print the latest results as Markdown
  --list          run nothing, print the rows`;

const root = resolve(import.meta.dirname, "..");
const resultsFolder = join(import.meta.dirname, "results");
const latestFile = join(resultsFolder, "latest.json");
const SECONDS = 60;
const QUICK = { primeMsMax: 2_000, warmUpMs: 1_000 };
const FULL = { primeMsMax: 60_000, warmUpMs: 5_000 };

/** From then on everything fails, and nothing of that is worth a word. */
let isStopping = false;

const say = (text: string) => process.stderr.write(`bench: ${text}\n`);

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      webhooks: { type: "boolean", default: false },
      huge: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      row: { type: "string", multiple: true, default: [] },
      seconds: { type: "string" },
    },
  });
  const seconds = values.seconds === undefined ? null : Number(values.seconds);
  if (seconds !== null && !(seconds >= 1)) throw new Error("--seconds takes a number of 1 or more");
  return { ...values, seconds };
}

type Options = ReturnType<typeof readOptions>;

async function bench(options: Options): Promise<number> {
  const chosen = chooseRows(rows, { ...options, names: options.row });
  const startedAt = new Date().toISOString();
  const { parts, redis, close } = await open();
  try {
    const machine = await describe(parts, redis);
    const results: RowResult[] = [];
    const broken: BenchReport["broken"] = [];
    const report: BenchReport = {
      ...{ rows: results, broken, machine },
      ...{ commit: readCommit(), startedAt, isQuick: options.quick },
    };
    mkdirSync(resultsFolder, { recursive: true });
    for (const plan of chosen) {
      say(`${plan.name}: ${plan.what}`);
      try {
        results.push(await run(plan, results));
      } catch (error) {
        if (isStopping) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        broken.push({ name: plan.name, reason });
        say(`${plan.name} broke off: ${reason}`);
      }
      writeFileSync(latestFile, `${JSON.stringify(report, null, 2)}\n`); // a long run that ends early keeps what it has
    }
    process.stdout.write(`\n${renderMarkdown(report)}\n\n`);
    const wrong = results.filter(({ correct }) => !correct);
    for (const { name, faults } of wrong)
      for (const fault of faults) process.stdout.write(`${name}: ${fault}\n`);
    const failed = wrong.length + broken.length;
    process.stdout.write(`${chosen.length - failed} passed, ${failed} failed\n`);
    return failed === 0 ? 0 : 1;
  } finally {
    await close();
  }

  async function run(plan: RowPlan, before: readonly RowResult[]): Promise<RowResult> {
    const result = await runRow(atHalfRate(plan, before), {
      parts,
      redis,
      say,
      timing: {
        ...(options.quick ? QUICK : FULL),
        measureMs:
          (options.seconds ?? plan.seconds ?? (options.quick ? plan.quickSeconds : null) ?? SECONDS) * 1_000,
      },
      withCopy: !options.quick || plan.name === "main",
      profileFolder: options.profile ? join(resultsFolder, "profiles") : null,
    });
    const cost = `the generator took ${result.generatorMicrosecondsPerEvent} µs an event`;
    say(
      `${plan.name}: ${result.eventsPerSecond.toLocaleString("en")}/s; ${cost}; ${result.correct ? "right" : result.faults.join("; ")}`,
    );
    return result;
  }
}

const open = () =>
  openParts({
    home: resolve(root, process.env["DRIFTLOCK_HOME"] || ".driftlock"),
    say,
    onStop: () => (isStopping = true),
  });

async function describe(parts: UsageParts, redis: Redis): Promise<BenchReport["machine"]> {
  const sql = await connectTo(await parts.createDatabase("bench_machine"));
  try {
    return await describeMachine(sql, redis);
  } finally {
    await sql.end();
  }
}

/** The row at half the rate that the row it names has reached in this run. */
function atHalfRate(plan: RowPlan, before: readonly RowResult[]): RowPlan {
  if (plan.halfOf === null) return plan;
  const top = before.find(({ name }) => name === plan.halfOf);
  if (top === undefined) throw new Error(`${plan.name} needs the row ${plan.halfOf} before it`);
  const requestsPerSecond = Math.max(1, top.eventsPerSecond / 2 / (plan.load.batch ?? 1));
  return { ...plan, load: { ...plan.load, requestsPerSecond } };
}

try {
  const options = readOptions();
  if (options.help) process.stdout.write(`${USAGE}\n`);
  else if (options.list)
    for (const { name, what } of rows) process.stdout.write(`${name.padEnd(22)}${what}\n`);
  else if (options.markdown && options.webhooks)
    process.stdout.write(`${renderLatestWebhooks(resultsFolder)}\n`);
  else if (options.markdown)
    process.stdout.write(`${renderMarkdown(JSON.parse(readFileSync(latestFile, "utf8")) as BenchReport)}\n`);
  else if (options.webhooks) process.exit(await benchWebhooks({ ...options, open, say, resultsFolder }));
  else process.exit(await bench(options));
} catch (error) {
  if (!isStopping) say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
