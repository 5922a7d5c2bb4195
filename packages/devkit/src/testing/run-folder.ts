import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
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

const MAKING_MS_MAX = 60_000;

async function sweep(folder: string): Promise<void> {
  const ageMs = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  const owner = join(folder, "owner");
  if (existsSync(owner)) {
    const [pid, ...identity] = readFileSync(owner, "utf8").split(" ");
    if (identifyProcess(Number(pid)) === identity.join(" ")) return;
  } else if (ageMs < MAKING_MS_MAX) return; // just being made, or just being removed
  await stopLeftovers(join(folder, "pids"));
  rmSync(folder, { recursive: true, force: true });
}
