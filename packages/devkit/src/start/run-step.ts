import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startProcess, tailOfLog, type ProcessSpec } from "../infra/child-process.ts";
import type { Guard } from "../infra/guard.ts";
import { RANK } from "./process-specs.ts";

interface StepOptions {
  name: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  logFolder: string;
  guard: Guard;
  /** Aborted when the start is given up: the step is stopped. */
  signal: AbortSignal;
}

/** Runs a command of the set-up to its end; returns its last line. Throws with its output where it fails. */
export async function runStep(options: StepOptions): Promise<string> {
  const { name, command, args, env, cwd, guard, signal } = options;
  signal.throwIfAborted();
  const logFile = join(options.logFolder, `${name}.log`);
  rmSync(logFile, { force: true });
  const spec: ProcessSpec = {
    ...{ name, command, args, env, cwd, logFile },
    rank: RANK.app,
    stopSignal: "SIGTERM",
    stopDeadlineMs: 5_000,
    check: () => Promise.resolve(),
    readyDeadlineMs: 0,
  };
  const running = await startProcess(spec, guard);
  const stop = () => void running.stop();
  signal.addEventListener("abort", stop);
  const how = await running.exited;
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (how !== "exit 0") throw new Error(`the step "${name}" failed (${how}):\n${tailOfLog(logFile, 30)}`);
  return readFileSync(logFile, "utf8").trimEnd().split("\n").at(-1) ?? "";
}
