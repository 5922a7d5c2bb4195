import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { pollUntil } from "./poll-until.ts";
import type { Guard } from "./guard.ts";
import { identifyProcess } from "./process-table.ts";
import { stopProcess, type ProcessRecord } from "./stop-processes.ts";

export interface ProcessSpec {
  name: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Appended to; the child writes to it itself, so that nothing is lost with us. */
  logFile: string;
  runAs?: { uid: number; gid: number };
  rank: number;
  stopSignal: "SIGTERM" | "SIGINT";
  stopDeadlineMs: number;
  /** Resolves when it serves, rejects while it does not yet. */
  check(): Promise<unknown>;
  readyDeadlineMs: number;
}

export interface RunningProcess {
  pid: number;
  /** How it ended, in words: "exit 1", "SIGKILL". Never rejects. */
  exited: Promise<string>;
  stop(hurry?: AbortSignal): Promise<"stopped" | "killed">;
}

/** The last lines of a log, for an error that must say why. */
export function tailOfLog(logFile: string, lineCount = 12): string {
  try {
    return readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lineCount).join("\n");
  } catch {
    return "";
  }
}

/** Starts a child in a process group of its own, guarded from its first moment; throws when it cannot be spawned. */
export async function startProcess(spec: ProcessSpec, guard: Guard): Promise<RunningProcess> {
  const log = openSync(spec.logFile, "a", 0o600);
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    stdio: ["ignore", log, log],
    detached: true,
    ...spec.runAs,
  });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit ${code}`));
    child.once("error", (error) => resolve(error.message));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${spec.name} could not be started: ${await exited}`);
  const { name, rank, stopSignal, stopDeadlineMs } = spec;
  const record: ProcessRecord = {
    name,
    pid,
    identity: identifyProcess(pid) ?? "gone",
    rank,
    stopSignal,
    stopDeadlineMs,
  };
  guard.guard(record);
  const released = exited.then((how) => {
    guard.release(record);
    return how;
  });
  return {
    pid,
    exited: released,
    async stop(hurry) {
      const outcome = await stopProcess(record, hurry);
      await released;
      return outcome;
    },
  };
}

/** Waits until the child serves; throws with the end of its log when it ends first or takes too long. */
export async function waitUntilReady(spec: ProcessSpec, running: RunningProcess): Promise<void> {
  const deadline = new AbortController();
  const ended = running.exited.then((how) => {
    throw new Error(`${spec.name} stopped while starting (${how})\n${tailOfLog(spec.logFile)}`);
  });
  const ready = pollUntil(spec.check, spec.readyDeadlineMs, deadline.signal).catch((error: Error) => {
    throw new Error(`${spec.name} is not ready: ${error.message}\n${tailOfLog(spec.logFile)}`);
  });
  try {
    await Promise.race([ready, ended]);
  } finally {
    deadline.abort();
    ended.catch(() => {});
    ready.catch(() => {});
  }
}
