import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type Clock, createLogger, followedClock, systemClock } from "@driftlock/runtime";
import { readSetupEnv, type SetupEnv } from "../env.ts";
import { type Choice, chooseHistory, type RecordedHistory } from "../replay/choose-history.ts";
import type { Comparison } from "../replay/compare-rows.ts";
import { printReplays } from "../replay/print-replays.ts";
import { replayHistory, type ReplayWish } from "../replay/replay-history.ts";
import { CommandFault, faultText } from "./command-fault.ts";
import { openCommand } from "./open-command.ts";

const timesMax = 1_000;
const usage = `driftlock replay --account ID | --customer cus_… | --file EVENTS [--shuffle [--times N] [--seed S]] [--json]

Replays the events that are recorded of an account, or those of a file (a JSON array, a list as Stripe answers it, or one
event a line), in a database of its own that is dropped afterwards, and compares what comes of them with what is mirrored
here. Stripe is only read. Without --shuffle they come once, in their order.

  --shuffle  in any order, some of them twice, others between the jobs that they lead to
  --times    so many times, each in another order (with --shuffle; 10 where nothing is said)
  --seed     the same number is the same orders
  --json     prints one JSON object
Ends with 0 where every replay agrees, with 1 where one does not, or it could not be done; with 64 for a wrong command line.
`;

interface Terminal {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  /** What it works on; absent, the environment's. */
  setup?: SetupEnv;
  /** Now, by the wall. (Default: the system's.) */
  now?: () => Date;
}

/** `driftlock replay`. @returns the exit code. */
export async function runReplay(args: string[], terminal: Terminal): Promise<number> {
  const { stdout, stderr, now = () => new Date() } = terminal;
  const wish = readWish(args, now());
  if (typeof wish === "string") {
    stderr.write(`${wish}\n\n${usage}`);
    return 64;
  }
  try {
    const { history, comparisons } = await replay(terminal.setup ?? readSetupEnv(), wish);
    const told = { history, wish, comparisons };
    stdout.write(wish.isJson ? `${JSON.stringify(jsonOf(told))}\n` : printReplays(told));
    return comparisons.some(hasDiverged) ? 1 : 0;
  } catch (error) {
    stderr.write(`${faultText(error)}\nnothing was replayed\n`);
    return 1;
  }
}

interface Wish extends ReplayWish {
  choice: Choice | { file: string };
  isJson: boolean;
}

/** @returns the wish, or what is wrong with the command line, in words. */
function readWish(args: string[], now: Date): Wish | string {
  const values = readOptions(args);
  if (typeof values === "string") return values;
  const { account, customer, file, shuffle, json } = values;
  const choices = [
    ...(account === undefined ? [] : [{ account }]),
    ...(customer === undefined ? [] : [{ customer }]),
    ...(file === undefined ? [] : [{ file }]),
  ];
  const [choice] = choices;
  if (choice === undefined || choices.length > 1) return "say one of --account, --customer and --file";
  if (!shuffle && (values.times !== undefined || values.seed !== undefined))
    return "--times and --seed go with --shuffle: in their order the events always come to the same";
  const [times, seed] = [
    Number(values.times ?? (shuffle ? 10 : 1)),
    Number(values.seed ?? now.getTime() % 1e6),
  ];
  if (!Number.isInteger(times) || times < 1 || times > timesMax)
    return `--times takes a number from 1 to ${timesMax}`;
  if (!Number.isInteger(seed) || seed < 0) return "--seed takes a whole number from 0";
  return { choice, isJson: json, times, seed: shuffle ? seed : null };
}

function readOptions(args: string[]) {
  try {
    const text = { type: "string" } as const;
    const flag = { type: "boolean", default: false } as const;
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        account: text,
        customer: text,
        file: text,
        times: text,
        seed: text,
        shuffle: flag,
        json: flag,
      },
    });
    const [, unknown] = positionals;
    return unknown === undefined ? values : `"${unknown}" is not understood`;
  } catch (error) {
    return faultText(error);
  }
}

async function replay(
  env: SetupEnv,
  wish: Wish,
): Promise<{ history: RecordedHistory; comparisons: Comparison[] }> {
  const { choice } = wish;
  const chosen = "file" in choice ? { events: await readText(choice.file) } : choice;
  await using opened = await openCommand(env, { name: "replay", allowsLive: true, isReadOnly: true });
  const { db, stripe } = opened;
  const log = createLogger({ name: "replay", level: "silent" });
  const ending = new AbortController();
  try {
    const clock: Clock =
      env.BUSINESS_CLOCK_URL === undefined
        ? systemClock()
        : await followedClock({ url: env.BUSINESS_CLOCK_URL, name: "replay", log, signal: ending.signal });
    const isLive = env.DRIFTLOCK_MODE === "live";
    const history = await chooseHistory(db, chosen, { isLive });
    const deps = { db, databaseUrl: env.DATABASE_URL, stripe, clock, isLive, log };
    return { history, comparisons: await replayHistory(deps, history, wish) };
  } finally {
    ending.abort();
  }
}

const readText = (file: string): Promise<string> =>
  readFile(file, "utf8").catch((error: Error) => {
    throw new CommandFault(`the file cannot be read: ${error.message}`);
  });

const hasDiverged = ({ differences }: Comparison): boolean => differences.length > 0;

function jsonOf({ history, wish, comparisons }: Parameters<typeof printReplays>[0]) {
  return {
    accounts: history.accountIds,
    events: history.hints.length,
    seed: wish.seed,
    replays: comparisons.length,
    diverged: comparisons.filter(hasDiverged).length,
    results: comparisons,
  };
}
