import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DriftLockError } from "./errors.ts";
import { lockFolder } from "./folder-lock.ts";

const segmentBytesMax = 8 * 1024 * 1024;
const segmentName = /^(\d{8})\.ndjson$/;

interface Segment {
  path: string;
  number: number;
  /** Events in it, and how many of them are answered. */
  events: number;
  answered: number;
}

/** The events of a producer on disk until they are answered, so that the death of its process loses none. */
export interface UsageJournal {
  /** What an earlier process left unanswered, as JSON, oldest first. */
  readonly left: readonly string[];
  /** Writes an event (JSON of one line). @throws DriftLockError BUFFER_FULL where the disk does not take it. */
  append(json: string): void;
  /** Says that the `count` oldest events are answered. A death before it sends them again, which counts once. */
  answered(count: number): void;
  /** Gives the folder back; what is not answered stays there. */
  close(): void;
}

/**
 * Opens the folder's journal for this process alone. Files of some 8 MiB hold the events, one a line; `answered` names
 * the oldest file and how many of its events need not be sent again. Written to the operating system before `append`
 * returns: the death of the process loses nothing, that of the machine what was not on its disk yet.
 * @throws DriftLockError BUFFER_IN_USE while another process that lives has the folder.
 */
export function openJournal(folder: string): UsageJournal {
  mkdirSync(folder, { recursive: true });
  const unlock = lockFolder(folder);
  const answeredPath = join(folder, "answered");
  const { segments, left } = readSegments(folder, readAnswered(answeredPath));
  let current: { segment: Segment; file: number; bytes: number } | null = null;

  function openSegment(): { segment: Segment; file: number; bytes: number } {
    const number = (segments.at(-1)?.number ?? 0) + 1;
    const path = join(folder, `${String(number).padStart(8, "0")}.ndjson`);
    const segment = { path, number, events: 0, answered: 0 };
    const file = openSync(path, "ax");
    segments.push(segment);
    return { segment, file, bytes: 0 };
  }

  function endSegment(): void {
    if (current !== null) closeSync(current.file);
    current = null;
  }

  function dropAnswered(): void {
    for (let oldest = segments[0]; oldest !== undefined; oldest = segments[0]) {
      if (oldest.answered < oldest.events) return;
      if (oldest === current?.segment) endSegment();
      rmSync(oldest.path, { force: true });
      segments.shift();
    }
  }

  return {
    left,
    append: (json) => {
      try {
        if (current !== null && current.bytes >= segmentBytesMax) endSegment();
        current ??= openSegment();
        const line = `${json}\n`;
        writeWhole(current.file, line, current.bytes);
        current.bytes += Buffer.byteLength(line);
        current.segment.events++;
      } catch (cause) {
        throw new DriftLockError("BUFFER_FULL", `${folder} does not take another event.`, { cause });
      }
    },
    answered: (count) => {
      let open = count;
      for (const segment of segments) {
        const here = Math.min(open, segment.events - segment.answered);
        segment.answered += here;
        open -= here;
      }
      dropAnswered();
      const oldest = segments[0];
      if (oldest === undefined) rmSync(answeredPath, { force: true });
      else writeInOneStep(answeredPath, `${oldest.number} ${oldest.answered}\n`);
    },
    close: () => {
      endSegment();
      unlock();
    },
  };
}

/** A line that did not fit is taken back, so that the next one does not begin in its middle. */
function writeWhole(file: number, line: string, sizeBefore: number): void {
  const bytes = Buffer.from(line);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } catch (error) {
    ftruncateSync(file, sizeBefore);
    throw error;
  }
}

function writeInOneStep(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function readAnswered(path: string): { number: number; answered: number } {
  try {
    const [number = 0, answered = 0] = readFileSync(path, "utf8").trim().split(" ").map(Number);
    return { number, answered };
  } catch {
    return { number: 0, answered: 0 };
  }
}

function readSegments(folder: string, oldest: { number: number; answered: number }) {
  const segments: Segment[] = [];
  const left: string[] = [];
  const names = readdirSync(folder)
    .filter((name) => segmentName.test(name))
    .sort();
  for (const name of names) {
    const path = join(folder, name);
    const number = Number(segmentName.exec(name)?.[1]);
    const events = number < oldest.number ? [] : readWholeLines(path);
    const answered = number === oldest.number ? oldest.answered : 0;
    if (events.length <= answered) rmSync(path, { force: true });
    else segments.push({ path, number, events: events.length, answered });
    for (const event of events.slice(answered)) left.push(event);
  }
  return { segments, left };
}

/** A last line without its end was never taken: `record` had not returned. */
function readWholeLines(path: string): string[] {
  const file = openSync(path, "r+");
  try {
    const text = readFileSync(file, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const bytes = Buffer.byteLength(whole);
    if (fstatSync(file).size > bytes) ftruncateSync(file, bytes);
    return whole.split("\n").slice(0, -1);
  } finally {
    closeSync(file);
  }
}
