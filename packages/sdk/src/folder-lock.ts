import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DriftLockError } from "./errors.ts";

/** Of this process: in containers the dead one had our process id. */
const held = new Set<string>();

/**
 * Takes a folder for this process, also from one that died. @returns what gives it back.
 * @throws DriftLockError BUFFER_IN_USE while a process that lives has it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, "lock");
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      held.add(path);
      return () => {
        if (held.delete(path)) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    takeAwayFromTheDead(path);
  }
  throw inUse(path, "another process");
}

/** By renaming, which of several that try at once only one can do; what was not the dead one's is put back. */
function takeAwayFromTheDead(path: string): void {
  const owner = readOwner(path);
  if (owner === null) return;
  if (owner === process.pid ? held.has(path) : isAlive(owner)) throw inUse(path, `process ${owner}`);
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readOwner(aside) === owner) rmSync(aside, { force: true });
  else renameSync(aside, path);
}

function readOwner(path: string): number | null {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const inUse = (path: string, owner: string): DriftLockError =>
  new DriftLockError(
    "BUFFER_IN_USE",
    `${path} is held by ${owner}: each producer needs a folder of its own.`,
  );
