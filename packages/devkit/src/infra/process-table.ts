import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const isLinux = process.platform === "linux";

interface Stat {
  state: string;
  group: number;
  startedAtTicks: string;
}

function readStat(pid: number | string): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses, and may itself hold spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", group: Number(fields[2]), startedAtTicks: fields[19] ?? "" };
  } catch {
    return null;
  }
}

function ps(column: string, pid: number): string | null {
  const result = spawnSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() || null : null;
}

let bootId: string | undefined;

/**
 * What tells a process from a later one with the same pid: its start time (on Linux with the boot it belongs to).
 * Null when no such process runs; a zombie does not run.
 */
export function identifyProcess(pid: number): string | null {
  if (!isLinux) return ps("lstart", pid);
  const stat = readStat(pid);
  if (stat === null || stat.state === "Z" || stat.state === "X") return null;
  bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${bootId}:${stat.startedAtTicks}`;
}

/** The command line of a running process, or null. */
export function readCommandLine(pid: number): string | null {
  if (!isLinux) return ps("command", pid);
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim() || null;
  } catch {
    return null;
  }
}

/** Whether any process of the group still runs; zombies, which an init that reaps nothing leaves behind, do not count. */
export function isGroupRunning(group: number): boolean {
  if (isLinux) {
    return readdirSync("/proc").some((entry) => {
      const stat = /^\d+$/.test(entry) ? readStat(entry) : null;
      return stat !== null && stat.group === group && stat.state !== "Z" && stat.state !== "X";
    });
  }
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}
