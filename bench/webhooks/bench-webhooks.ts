import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectTo } from "../database.ts";
import type { OpenParts } from "../open-parts.ts";
import { type BenchReport, describeMachine, readCommit } from "../report.ts";
import { accountIdOf } from "./database.ts";
import { renderWebhooks } from "./render.ts";
import { runPeer } from "./run-peer.ts";
import type { WebhookRow } from "./row.ts";
import { createStripeSide } from "./stripe-side.ts";
import { runBurst, runIngest, type SurgeOptions } from "./surge.ts";

/** The content of bench/results/webhooks.json. */
export interface WebhookReport extends Pick<BenchReport, "machine" | "commit" | "startedAt" | "isQuick"> {
  rows: WebhookRow[];
}

interface Options {
  quick: boolean;
  seconds: number | null;
  open: () => Promise<OpenParts>;
  say: (text: string) => void;
  resultsFolder: string;
}

const FULL = { objects: 500, burst: 50_000, peer: 20_000, seconds: 30, warmUpSeconds: 3 };
const QUICK = { objects: 40, burst: 4_000, peer: 1_000, seconds: 3, warmUpSeconds: 1 };
const DELIVERIES_PER_SECOND = 5_000;

const fileIn = (folder: string) => join(folder, "webhooks.json");

/** `npm run bench -- --webhooks`. @returns the exit code: 1 where a figure is wrong. */
export async function benchWebhooks(options: Options): Promise<number> {
  const { say, resultsFolder } = options;
  const size = options.quick ? QUICK : FULL;
  const startedAt = new Date().toISOString();
  const { parts, redis, close } = await options.open();
  try {
    const machine = await describe({ parts, redis });
    const stripe = createStripeSide(parts.stripe);
    say(`subscribing ${size.objects} customers`);
    const ids = await stripe.subscribeAll(Array.from({ length: size.objects }, (_, n) => accountIdOf(n)));
    const surge: SurgeOptions = { parts, redis, stripe, ids, connections: 64, say };
    const rows = await runIngest(surge, {
      requestsPerSecond: DELIVERIES_PER_SECOND,
      seconds: options.seconds ?? size.seconds,
      warmUpSeconds: size.warmUpSeconds,
    });
    rows.push(await runPeer(surge, size.peer), await runBurst(surge, size.burst));
    const report: WebhookReport = {
      ...{ rows, machine, commit: readCommit(), startedAt, isQuick: options.quick },
    };
    mkdirSync(resultsFolder, { recursive: true });
    writeFileSync(fileIn(resultsFolder), `${JSON.stringify(report, null, 2)}\n`);
    process.stdout.write(`\n${renderWebhooks(report)}\n\n`);
    const wrong = rows.filter(({ correct }) => !correct);
    for (const { name, faults } of wrong)
      for (const fault of faults) process.stdout.write(`${name}: ${fault}\n`);
    process.stdout.write(`${rows.length - wrong.length} passed, ${wrong.length} failed\n`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await close();
  }
}

async function describe({ parts, redis }: Pick<OpenParts, "parts" | "redis">) {
  const sql = await connectTo(await parts.createDatabase("bench_machine"));
  try {
    return await describeMachine(sql, redis);
  } finally {
    await sql.end();
  }
}

/** The latest results as Markdown. */
export const renderLatestWebhooks = (resultsFolder: string): string =>
  renderWebhooks(JSON.parse(readFileSync(fileIn(resultsFolder), "utf8")) as WebhookReport);
