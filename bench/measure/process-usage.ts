import { readFileSync } from "node:fs";

export interface ProcessUsage {
  /** Of the process and all below it, also of those children that are gone. */
  cpuMicroseconds: number;
  /** Memory that is shared counted once. */
  residentBytes: number;
}

/** The kernel's clock tick, which is 1/100 s to user space on every Linux of ours. */
const MICROSECONDS_PER_TICK = 10_000;

/** What a process and its descendants have used so far, from /proc; null where there is no /proc, or no such process. */
export function readProcessUsage(pid: number): ProcessUsage | null {
  if (process.platform !== "linux") return null;
  const tree = familyOf(pid);
  if (tree.length === 0) return null;
  const memory = tree.map(readMemory);
  return {
    cpuMicroseconds: tree.reduce((sum, { ticks }) => sum + ticks, 0) * MICROSECONDS_PER_TICK,
    residentBytes:
      memory.reduce((sum, { ownBytes }) => sum + ownBytes, 0) +
      Math.max(...memory.map(({ sharedBytes }) => sharedBytes)),
  };
}

interface Entry {
  pid: number;
  ticks: number;
}

/** A process and all below it; where the kernel tells no children, the process alone. */
function familyOf(pid: number): Entry[] {
  const stat = readProc(pid, "stat");
  if (stat === "") return [];
  // The second field is the command in parentheses, and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const children = readProc(pid, `task/${pid}/children`)
    .split(" ")
    .filter((child) => child !== "");
  return [{ pid, ticks }, ...children.flatMap((child) => familyOf(Number(child)))];
}

function readMemory({ pid }: Entry): { ownBytes: number; sharedBytes: number } {
  const status = readProc(pid, "status");
  const bytesOf = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1_024;
  return { ownBytes: bytesOf("RssAnon") + bytesOf("RssFile"), sharedBytes: bytesOf("RssShmem") };
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return ""; // it is gone
  }
}
