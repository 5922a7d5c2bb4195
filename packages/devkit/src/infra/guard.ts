import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identifyProcess } from "./process-table.ts";
import { stopInOrder, type ProcessRecord } from "./stop-processes.ts";
import { writeFileAtomic } from "./write-file-atomic.ts";

export type GuardOrder =
  | { do: "guard"; process: ProcessRecord }
  | { do: "release"; pid: number }
  | { do: "remove"; path: string };

/** Makes sure that no child outlives us, and that the next run finds those that did. */
export interface Guard {
  guard(record: ProcessRecord): void;
  release(record: ProcessRecord): void;
  /** A file or folder that is removed when this process is gone, after its children. */
  removeAtEnd(path: string): void;
  /** Ends the guardian; what is still guarded is stopped by it. Resolves when it is done. */
  close(): Promise<void>;
}

const pidFile = (folder: string, pid: number) => join(folder, `${pid}.json`);

/** Starts a guardian process. `pidFolder` also keeps one file for each child, for `stopLeftovers` of a later run. */
export function createGuard(pidFolder: string): Guard {
  mkdirSync(pidFolder, { recursive: true });
  const guardian = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", fileURLToPath(new URL("guardian-main.ts", import.meta.url))],
    { stdio: ["pipe", "ignore", "inherit"], detached: true, cwd: "/" },
  );
  guardian.stdin.on("error", () => {}); // a killed guardian: the pid files remain
  guardian.unref();
  const tell = (order: GuardOrder) => guardian.stdin.write(`${JSON.stringify(order)}\n`);
  return {
    guard(record) {
      writeFileAtomic(pidFile(pidFolder, record.pid), JSON.stringify(record));
      tell({ do: "guard", process: record });
    },
    release(record) {
      rmSync(pidFile(pidFolder, record.pid), { force: true });
      tell({ do: "release", pid: record.pid });
    },
    removeAtEnd: (path) => void tell({ do: "remove", path }),
    async close() {
      guardian.ref();
      const exited =
        guardian.exitCode === null && guardian.signalCode === null ? once(guardian, "exit") : null;
      guardian.stdin.end();
      await exited;
    },
  };
}

/** Stops what a run that was killed left behind in `pidFolder`; returns the names of what still ran. */
export async function stopLeftovers(pidFolder: string): Promise<string[]> {
  mkdirSync(pidFolder, { recursive: true });
  const files = readdirSync(pidFolder).filter((file) => file.endsWith(".json"));
  const records = files.map(
    (file) => JSON.parse(readFileSync(join(pidFolder, file), "utf8")) as ProcessRecord,
  );
  const running = records.filter((record) => identifyProcess(record.pid) === record.identity);
  await stopInOrder(running);
  for (const file of files) rmSync(join(pidFolder, file), { force: true });
  return running.map((record) => record.name);
}
