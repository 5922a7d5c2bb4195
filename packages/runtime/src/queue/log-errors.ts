import type { Logger } from "../logger.ts";

const REPEAT_AFTER_MS = 30_000;

/** Logs what a queue's connection complains of; while Redis is away that is the same line many times a second. */
export function logErrors(log: Logger, queue: string): (error: Error) => void {
  const loggedAtMs = new Map<string, number>();
  return (error) => {
    const nowMs = Date.now();
    if (nowMs - (loggedAtMs.get(error.message) ?? 0) < REPEAT_AFTER_MS) return;
    for (const [message, atMs] of loggedAtMs) if (nowMs - atMs >= REPEAT_AFTER_MS) loggedAtMs.delete(message);
    loggedAtMs.set(error.message, nowMs);
    log.warn({ err: error, queue }, "queue.errored");
  };
}
