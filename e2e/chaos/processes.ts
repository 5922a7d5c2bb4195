import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "@driftlock/devkit";

/** The processes of a running system, by the pid files that its supervisor keeps in `pidFolder`. */
export interface Processes {
  /** Null between two. */
  findPid(name: string): number | null;
  /** Kills it with -9 as soon as it runs, whether it is ready yet or not. Throws where it does not run within 60 s. */
  kill(name: string): Promise<void>;
  /** As `kill`, and resolves when the supervisor has another one of that name. */
  replace(name: string): Promise<void>;
  /** Stops it, with the processes it started, for `ms` in which it does nothing and notices nothing. */
  freeze(name: string, ms: number): Promise<void>;
}

/** `others`: processes that a test started itself, by the name that it calls them. */
export function createProcesses(
  pidFolder: string,
  others: Record<string, () => number | undefined> = {},
): Processes {
  function findPid(name: string): number | null {
    const other = others[name];
    if (other !== undefined) return other() ?? null;
    for (const file of readdirSync(pidFolder)) {
      const record = readRecord(join(pidFolder, file));
      if (record?.name === name) return Number(file.replace(".json", ""));
    }
    return null;
  }

  async function killOne(name: string): Promise<number> {
    const pid = await until(`${name} runs`, () => findPid(name), 60_000);
    signal(pid, "SIGKILL");
    return pid;
  }

  return {
    findPid,
    kill: async (name) => void (await killOne(name)),
    async replace(name) {
      const pid = await killOne(name);
      await until(`${name} was started again`, () => ![null, pid].includes(findPid(name)), 60_000);
    },
    async freeze(name, ms) {
      const pid = await until(`${name} runs`, () => findPid(name), 60_000);
      const pids = [pid, ...childrenOf(pid)];
      for (const each of pids) signal(each, "SIGSTOP");
      await pause(ms);
      for (const each of pids) signal(each, "SIGCONT");
    },
  };
}

/** Files come and go, and are renamed into place, while the folder is read. */
function readRecord(file: string): { name: string } | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as { name: string };
  } catch {
    return null;
  }
}

/** Linux tells; elsewhere Postgres's sessions run on while their postmaster is stopped. */
function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone by itself in the meantime.
  }
}
