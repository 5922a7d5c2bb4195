import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { batchBytesMax, type UsageEventInput } from "@driftlock/contracts";

export interface BatchOptions {
  /** Names the events that bring no id: the same line of the same source is the same event. */
  source: string;
  /** For lines that name no account; null leaves it to the key. */
  accountId: string | null;
  eventsMax: number;
}

/** Where a batch begins or ends in a file. `line` counts from 1. */
export interface FilePlace {
  offsetBytes: number;
  line: number;
}

export interface UnreadableLine {
  line: number;
  text: string;
  detail: string;
}

export interface FileBatch {
  /** Each as JSON, with the line that it comes from. */
  events: { json: string; line: number }[];
  unreadable: UnreadableLine[];
  end: FilePlace;
}

const newline = 0x0a;
// Leaves room for the brackets and commas of the request.
const bytesMax = batchBytesMax - 64 * 1024;

/** Reads a file of one event a line from a place on, in batches that fit a request. Memory is that of one batch. */
export async function* readBatches(
  path: string,
  from: FilePlace,
  options: BatchOptions,
): AsyncGenerator<FileBatch> {
  let batch: FileBatch = { events: [], unreadable: [], end: from };
  let bytes = 0;
  for await (const { text, end } of readLines(path, from)) {
    const event = toEvent(text, batch.end.line, options);
    const size = event === null || "detail" in event ? 0 : Buffer.byteLength(event.json) + 1;
    if (batch.events.length === options.eventsMax || bytes + size > bytesMax) {
      yield batch;
      batch = { events: [], unreadable: [], end: batch.end };
      bytes = 0;
    }
    if (event !== null) {
      if ("detail" in event) batch.unreadable.push(event);
      else batch.events.push(event);
    }
    bytes += size;
    batch.end = end;
  }
  yield batch;
}

async function* readLines(path: string, from: FilePlace): AsyncGenerator<{ text: string; end: FilePlace }> {
  let { offsetBytes, line } = from;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { start: offsetBytes, highWaterMark: 1024 * 1024 })) {
    const data: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (let end = data.indexOf(newline); end !== -1; end = data.indexOf(newline, start)) {
      offsetBytes += end + 1 - start;
      line++;
      yield { text: data.toString("utf8", start, end), end: { offsetBytes, line } };
      start = end + 1;
    }
    rest = data.subarray(start);
  }
  if (rest.length > 0)
    yield { text: rest.toString(), end: { offsetBytes: offsetBytes + rest.length, line: line + 1 } };
}

function toEvent(
  text: string,
  line: number,
  { source, accountId }: BatchOptions,
): { json: string; line: number } | UnreadableLine | null {
  if (text.trim() === "") return null;
  const unreadable = (detail: string): UnreadableLine => ({ line, text, detail });
  let event: Partial<UsageEventInput>;
  try {
    event = JSON.parse(text) as Partial<UsageEventInput>;
  } catch {
    return unreadable("the line is not valid JSON");
  }
  if (typeof event !== "object" || event === null || Array.isArray(event))
    return unreadable("an event is a JSON object");
  const completed = {
    ...event,
    id: event.id ?? idOf(source, line, text),
    ...(accountId !== null && event.accountId === undefined && { accountId }),
  };
  return { json: JSON.stringify(completed), line };
}

const idOf = (source: string, line: number, text: string): string =>
  createHash("sha256").update(`${source}\n${line}\n${text.trim()}`).digest("hex").slice(0, 40);
