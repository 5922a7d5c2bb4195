import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { writeFileAtomic } from "../infra/write-file-atomic.ts";

const SQLITE_BUSY = 5;

export interface HomeLock {
  release(): void;
}

/**
 * Takes a home for one supervisor. The lock is SQLite's, so the kernel gives it back however its owner ends: nothing
 * stale is ever found. Throws, naming who holds it.
 */
export function takeHome(folder: string, owner: { pid: number; apiUrl: string }): HomeLock {
  const database = new DatabaseSync(join(folder, "lock.db"), { timeout: 0 });
  const ownerFile = join(folder, "owner.json");
  try {
    database.exec("begin exclusive");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new Error(
      `${describeOwner(ownerFile)}; stop it first, or give this one a DRIFTLOCK_HOME and ports of its own`,
    );
  }
  writeFileAtomic(ownerFile, JSON.stringify(owner));
  return { release: () => database.close() };
}

function describeOwner(file: string): string {
  try {
    const { pid, apiUrl } = JSON.parse(readFileSync(file, "utf8")) as { pid: number; apiUrl: string };
    return `it is running already from this home (pid ${pid}, ${apiUrl})`;
  } catch {
    return "it is being started already from this home";
  }
}
