import type { Logger } from "./logger.ts";

const repeatAfterMs = 60_000;

interface ErrorLogOptions {
  log: Logger;
  level: "warn" | "error";
  /** The message, `noun.past-verb`. */
  event: string;
  /** Logged with each line. */
  fields?: Readonly<Record<string, unknown>>;
  /** Milliseconds of a clock that never steps. (Default: performance.now) */
  monotonicNow?: () => number;
}

/**
 * Logs what fails again and again, as each try to reach a server that is away: at once where it is new, then once a
 * minute with how often it was left `unsaid`. Errors are the same where their messages are.
 */
export function createErrorLog(
  options: ErrorLogOptions,
): (error: Error, more?: Record<string, unknown>) => void {
  const { log, level, event, fields, monotonicNow = () => performance.now() } = options;
  const said = new Map<string, { atMs: number; unsaid: number }>();
  return (error, more) => {
    const nowMs = monotonicNow();
    const last = said.get(error.message);
    if (last !== undefined && nowMs - last.atMs < repeatAfterMs) {
      last.unsaid += 1;
      return;
    }
    for (const [message, { atMs }] of said) if (nowMs - atMs >= repeatAfterMs) said.delete(message);
    said.set(error.message, { atMs: nowMs, unsaid: 0 });
    const unsaid = last !== undefined && last.unsaid > 0 && { unsaid: last.unsaid };
    log[level]({ err: error, ...fields, ...more, ...unsaid }, event);
  };
}
