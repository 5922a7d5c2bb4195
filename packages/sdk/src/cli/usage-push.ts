import { statSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DriftLockError } from "../errors.ts";
import { createPostJson } from "../gateway.ts";
import { createSendUsage } from "../usage-sender.ts";
import type { CliEnv } from "./env.ts";
import { createProgressBar } from "./progress-bar.ts";
import { pushFile } from "./push-file.ts";
import { deletePushState, nothingPushed, type PushState, statePathOf } from "./push-state.ts";

export const usagePushHelp = `driftlock usage push FILE.ndjson [--url URL] [--account ID] [--source NAME] [--restart]

Sends a file of one usage event a line to the gateway: DRIFTLOCK_URL (or --url) with the key in DRIFTLOCK_API_KEY.
Interrupted, the same call goes on where it was; repeated, it counts nothing twice: an event without an id gets one
from the file's name (or --source), its line's number and its text. --restart begins at the first line again.
What is refused is written to FILE.ndjson.refused.ndjson with its reason.

  --account ID   for lines that name no accountId (with a key of scope service)
  --batch N      events a request, 1 to 10,000 (default 1,000)
  --parallel N   requests at a time (default 4); with 1 the order of the file is kept
Ends with 0, with 1 when events were refused, 2 when the gateway refuses the push, 130 when it was interrupted.
`;

interface Terminal {
  env: CliEnv;
  out: { write(text: string): unknown };
  err: { write(text: string): unknown; isTTY?: boolean };
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/** `driftlock usage push`. @returns the exit code. */
export async function runUsagePush(args: string[], { env, out, err, signal }: Terminal): Promise<number> {
  const wish = readWish(args, env);
  if (typeof wish === "string") {
    err.write(`${wish}\n\n${usagePushHelp}`);
    return 64;
  }
  const { path } = wish;
  if (wish.isRestart) deletePushState(path);
  const bar = createProgressBar(err, { totalBytes: statSync(path).size, nowMs: Date.now });
  let last: PushState = nothingPushed;
  const refusedPath = `${path}.refused.ndjson`;
  try {
    const state = await pushFile({
      ...wish,
      refusedPath,
      send: createSendUsage({
        postJson: wish.postJson,
        pause: (ms, stop) => wait(ms, undefined, { signal: stop }),
        random: Math.random,
      }),
      signal,
      onProgress: (progress) => {
        last = progress;
        bar.show(progress);
      },
    });
    bar.end(state);
    deletePushState(path);
    out.write(
      `${JSON.stringify({ accepted: state.accepted, duplicates: state.duplicates, refused: state.refused })}\n`,
    );
    if (state.refused > 0) err.write(`${state.refused} events were refused: ${refusedPath}\n`);
    return state.refused > 0 ? 1 : 0;
  } catch (error) {
    bar.end(last);
    if (signal.aborted) {
      err.write(
        `interrupted; the same command goes on from line ${last.place.line} (${statePathOf(path)})\n`,
      );
      return 130;
    }
    if (!(error instanceof DriftLockError)) throw error;
    err.write(`${error.message}\n`);
    return 2;
  }
}

/** What is asked for, or in words why it cannot be done. */
function readWish(args: string[], env: Terminal["env"]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        url: { type: "string" },
        account: { type: "string" },
        source: { type: "string" },
        batch: { type: "string", default: "1000" },
        parallel: { type: "string", default: "4" },
        restart: { type: "boolean", default: false },
      },
    });
    const [path, ...others] = positionals;
    if (path === undefined || others.length > 0) return "Name one file.";
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return `There is no file ${path}.`;
    const url = values.url ?? env.url;
    if (url === undefined) return "Set DRIFTLOCK_URL or pass --url.";
    if (!URL.canParse(url)) return `${url} is no URL.`;
    const apiKey = env.apiKey;
    if (apiKey === undefined) return "Set DRIFTLOCK_API_KEY.";
    const eventsMax = Number(values.batch);
    if (!Number.isInteger(eventsMax) || eventsMax < 1 || eventsMax > 10_000)
      return "--batch is from 1 to 10,000.";
    const parallel = Number(values.parallel);
    if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64) return "--parallel is from 1 to 64.";
    const source = values.source ?? basename(path);
    const accountId = values.account ?? null;
    const postJson = createPostJson({ url, apiKey });
    return { path, postJson, eventsMax, parallel, source, accountId, isRestart: values.restart };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
