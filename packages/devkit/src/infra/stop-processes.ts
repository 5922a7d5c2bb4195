import { setTimeout as delay } from "node:timers/promises";
import { identifyProcess, isGroupRunning } from "./process-table.ts";

/** A process that leads its own group, as it is written to pid files and told to the guardian. */
export interface ProcessRecord {
  name: string;
  pid: number;
  /** See identifyProcess: a later process with the same pid is never signalled. */
  identity: string;
  /** Stopped from the highest rank down: what uses others goes before what it uses. */
  rank: number;
  stopSignal: "SIGTERM" | "SIGINT";
  /** After this it is killed, with its group. */
  stopDeadlineMs: number;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}

const isRunning = (record: ProcessRecord) =>
  identifyProcess(record.pid) === record.identity || isGroupRunning(record.pid);

/**
 * Stops one process and its group: its own signal first, SIGKILL after its deadline or once `hurry` is aborted.
 * Resolves when nothing of the group runs; says whether it had to be killed.
 */
export async function stopProcess(record: ProcessRecord, hurry?: AbortSignal): Promise<"stopped" | "killed"> {
  // Only a leader that is still itself vouches for the group: another process may have taken both numbers.
  if (identifyProcess(record.pid) !== record.identity) return "stopped";
  send(record.pid, record.stopSignal);
  const deadlineAtMs = performance.now() + record.stopDeadlineMs;
  while (isRunning(record)) {
    if (hurry?.aborted || performance.now() > deadlineAtMs) {
      send(-record.pid, "SIGKILL");
      while (isRunning(record)) await delay(20);
      return "killed";
    }
    await delay(20);
  }
  return "stopped";
}

/** Stops all of them, rank by rank from the highest down, those of one rank together. */
export async function stopInOrder(records: readonly ProcessRecord[], hurry?: AbortSignal): Promise<void> {
  const ranks = [...new Set(records.map((record) => record.rank))].sort((a, b) => b - a);
  for (const rank of ranks) {
    await Promise.all(
      records.filter((record) => record.rank === rank).map((record) => stopProcess(record, hurry)),
    );
  }
}
