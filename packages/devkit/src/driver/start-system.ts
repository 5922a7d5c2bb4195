import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { DevFile } from "../start/dev-file.ts";
import { until } from "./until.ts";

export interface RunningSystem {
  readonly dev: DevFile;
  readonly supervisor: ChildProcess;
  /** Everything that the supervisor printed so far, a line each. */
  readonly lines: readonly string[];
  /** Stops as Ctrl-C does and resolves with the supervisor's exit code. */
  stop(): Promise<number | null>;
}

const checkout = resolve(import.meta.dirname, "../../../..");

/**
 * Starts the whole system as `npm start` does, with its own home and ports, and resolves when it is ready.
 * @throws with what was printed when it stops before that, or is not ready within `readyWithinMs`.
 */
export async function startSystem(options: {
  home: string;
  env: Record<string, string>;
  readyWithinMs: number;
}): Promise<RunningSystem> {
  const devFile = join(options.home, "dev.json");
  const supervisor = spawn(process.execPath, [join(checkout, "packages/devkit/src/start/main.ts")], {
    cwd: checkout,
    env: {
      ...process.env,
      ...options.env,
      DRIFTLOCK_HOME: options.home,
      DRIFTLOCK_PARENT_PID: String(process.pid), // it stops when we go, however we go
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  for (const stream of [supervisor.stdout, supervisor.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const exited = once(supervisor, "exit") as Promise<[number | null]>;
  const isGone = () => supervisor.exitCode !== null || supervisor.signalCode !== null;
  await until("the system is ready", () => isGone() || existsSync(devFile), options.readyWithinMs).catch(
    (error: Error) => {
      supervisor.kill("SIGTERM");
      throw new Error(`${error.message}\n${lines.join("\n")}`);
    },
  );
  if (isGone()) throw new Error(`the system stopped before it was ready:\n${lines.join("\n")}`);
  return {
    dev: JSON.parse(readFileSync(devFile, "utf8")) as DevFile,
    supervisor,
    lines,
    stop: async () => {
      if (!isGone()) supervisor.kill("SIGTERM");
      return (await exited)[0];
    },
  };
}
