import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { stopLeftovers } from "../infra/guard.ts";
import { identifyProcess } from "../infra/process-table.ts";
import { canReach, findRunAs, outsideFolder } from "../infra/run-as.ts";
import { writeFileAtomic } from "../infra/write-file-atomic.ts";

const memoryFolder = "/dev/shm";
const tmpfsType = 0x0102_1994;
/** Far more than a run writes, so that the machine does not notice. */
const memoryBytesMin = 8 * 1024 ** 3;

/**
 * A fresh folder for one run, where Postgres's user can reach it; sweeps those of runs that were killed. `inMemory`: for
 * what need not outlive the run, in memory where there is plenty: hundreds of databases are made and dropped in a test
 * run, each of some 300 files, which takes a third less of the cores there.
 */
export async function makeRunFolder(home: string, { inMemory = false } = {}): Promise<string> {
  mkdirSync(home, { recursive: true });
  const onDisk = join(canReach(home, findRunAs()) ? home : outsideFolder(), "test");
  const parent = inMemory && hasPlentyOfMemory() ? join(outsideFolder(memoryFolder), "test") : onDisk;
  mkdirSync(parent, { recursive: true });
  for (const each of new Set([parent, onDisk])) {
    if (existsSync(each)) for (const entry of readdirSync(each)) await sweep(join(each, entry));
  }
  const folder = mkdtempSync(join(parent, "run-"));
  chmodSync(folder, 0o755); // mkdtemp makes it ours alone, and Postgres may have to run as another user
  mkdirSync(join(folder, "logs"));
  writeFileAtomic(join(folder, "owner"), `${process.pid} ${identifyProcess(process.pid)}`);
  return folder;
}

/** Linux alone; containers are often given 64 MB there. */
function hasPlentyOfMemory(): boolean {
  if (!existsSync(memoryFolder)) return false;
  const { type, bavail, bsize } = statfsSync(memoryFolder);
  return (
    type === tmpfsType && bavail * bsize >= memoryBytesMin && process.availableMemory() >= memoryBytesMin
  );
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
