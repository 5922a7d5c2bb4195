import { appendFileSync } from "node:fs";
import type { UsageBatchDto } from "@driftlock/contracts";
import type { SendUsage } from "../usage-sender.ts";
import { nothingPushed, type PushState, readPushState, writePushState } from "./push-state.ts";
import { type BatchOptions, type FileBatch, readBatches } from "./read-batches.ts";

export interface PushOptions extends BatchOptions {
  path: string;
  send: SendUsage;
  /** Requests at a time. */
  parallel: number;
  /** Where it goes, with its reason, what the gateway refuses and what cannot be read. */
  refusedPath: string;
  signal: AbortSignal;
  onProgress: (state: PushState) => void;
}

/**
 * Pushes a file of one event a line. Its state is kept beside it, so that the same call goes on after an interruption;
 * what was under way then is sent again with the same ids, which counts once.
 * @throws what the gateway refuses as a whole, or NOT_SENT once `signal` is aborted: the state is kept.
 */
export async function pushFile(options: PushOptions): Promise<PushState> {
  const { path, send, parallel, signal, onProgress } = options;
  let state = readPushState(path) ?? nothingPushed;
  onProgress(state);
  const underWay: { batch: FileBatch; answer: Promise<UsageBatchDto> }[] = [];

  async function settleOldest(): Promise<void> {
    const oldest = underWay.shift();
    if (oldest === undefined) return;
    state = settled(options, state, oldest.batch, await oldest.answer);
    writePushState(path, state);
    onProgress(state);
  }

  try {
    for await (const batch of readBatches(path, state.place, options)) {
      signal.throwIfAborted();
      const jsons = batch.events.map(({ json }) => json);
      const answer = jsons.length === 0 ? Promise.resolve(nothingAnswered) : send(jsons, signal);
      // Looked at in its turn; until then its failure is nobody's.
      answer.catch(() => {});
      underWay.push({ batch, answer });
      if (underWay.length >= parallel) await settleOldest();
    }
    while (underWay.length > 0) await settleOldest();
  } finally {
    await Promise.allSettled(underWay.map(({ answer }) => answer));
  }
  return state;
}

const nothingAnswered: UsageBatchDto = { accepted: 0, duplicates: 0, rejected: 0, results: [] };

function settled(
  options: PushOptions,
  before: PushState,
  batch: FileBatch,
  answer: UsageBatchDto,
): PushState {
  const refused = answer.results
    .filter(({ outcome }) => outcome !== "duplicate")
    .map(({ index, outcome, code, detail }) => {
      const { json = "null", line } = batch.events[index] ?? {};
      return { line, outcome, code, detail, event: JSON.parse(json) as unknown };
    });
  const unreadable = batch.unreadable.map(({ line, text, detail }) => ({
    line,
    outcome: "invalid",
    code: "UNREADABLE",
    detail,
    event: text,
  }));
  const lines = [...unreadable, ...refused].map((each) => `${JSON.stringify(each)}\n`);
  if (lines.length > 0) appendFileSync(options.refusedPath, lines.join(""));
  return {
    place: batch.end,
    accepted: before.accepted + answer.accepted,
    duplicates: before.duplicates + answer.duplicates,
    refused: before.refused + lines.length,
  };
}
