import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { FilePlace } from "./read-batches.ts";

/** How far a file is pushed: everything before `place` is answered. */
export interface PushState {
  place: FilePlace;
  accepted: number;
  duplicates: number;
  refused: number;
}

export const nothingPushed: PushState = {
  place: { offsetBytes: 0, line: 1 },
  accepted: 0,
  duplicates: 0,
  refused: 0,
};

export const statePathOf = (path: string): string => `${path}.push-state.json`;

/** What an interrupted push of this file left; null where there is none, or where the file begins otherwise by now. */
export function readPushState(path: string): PushState | null {
  try {
    const { beginning, ...state } = JSON.parse(readFileSync(statePathOf(path), "utf8")) as PushState & {
      beginning: string;
    };
    return beginning === beginningOf(path) ? state : null;
  } catch {
    return null;
  }
}

/** Written in one step: an interrupted write leaves the state before it. */
export function writePushState(path: string, state: PushState): void {
  const statePath = statePathOf(path);
  writeFileSync(`${statePath}.new`, JSON.stringify({ ...state, beginning: beginningOf(path) }));
  renameSync(`${statePath}.new`, statePath);
}

export const deletePushState = (path: string): void => rmSync(statePathOf(path), { force: true });

function beginningOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(4096);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    // A file that grows keeps its first line, if nothing else.
    const firstLine = bytes.subarray(0, length).indexOf(0x0a);
    return createHash("sha256")
      .update(bytes.subarray(0, firstLine === -1 ? length : firstLine))
      .digest("hex");
  } finally {
    closeSync(file);
  }
}
