import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stopLeftovers } from "../infra/guard.ts";
import { identifyProcess } from "../infra/process-table.ts";
import { canReach, findRunAs, outsideFolder } from "../infra/run-as.ts";
import { writeFileAtomic } from "../infra/write-file-atomic.ts";

/** A fresh folder for one test run, where Postgres's user can reach it; sweeps those of runs that were killed. */
export async function makeRunFolder(home: string): Promise<string> {
  mkdirSync(home, { recursive: true });
  const parent = join(canReach(home, findRunAs()) ? home : outsideFolder(), "test");
  mkdirSync(parent, { recursive: true });
  for (const entry of readdirSync(parent)) await sweep(join(parent, entry));
  const folder = mkdtempSync(join(parent, "run-"));
  chmodSync(folder, 0o755); // mkdtemp makes it ours alone, and Postgres may have to run as another user
  mkdirSync(join(folder, "logs"));
  writeFileAtomic(join(folder, "owner"), `${process.pid} ${identifyProcess(process.pid)}`);
  return folder;
}

async function sweep(folder: string): Promise<void> {
  let owner: string[];
  try {
    owner = readFileSync(join(folder, "owner"), "utf8").split(" ");
  } catch {
    return; // just being made, or just being removed
  }
  if (identifyProcess(Number(owner[0])) === owner.slice(1).join(" ")) return;
  await stopLeftovers(join(folder, "pids"));
  rmSync(folder, { recursive: true, force: true });
}
