import { setTimeout as delay } from "node:timers/promises";
import { createErrorLog } from "./error-log.ts";
import type { Logger } from "./logger.ts";

const defaultBackoffMsMax = 10_000;

export interface Ticker {
  /** Runs as soon as it can instead of at the end of the pause. */
  nudge(): void;
  /** Aborts the signal and waits for the run under way. */
  close(): Promise<void>;
}

interface TickerOptions {
  name: string;
  /** Wall time from the end of one run to the start of the next. */
  intervalMs: number;
  /** The longest pause after failures. (Default: 10,000.) */
  backoffMsMax?: number;
  run(signal: AbortSignal): Promise<unknown>;
  log: Logger;
}

/** Runs at once and then again and again, never twice at a time; errors are logged and space the runs out. */
export function createTicker({
  name,
  intervalMs,
  backoffMsMax = defaultBackoffMsMax,
  run,
  log,
}: TickerOptions): Ticker {
  const abort = new AbortController();
  const { signal } = abort;
  let pause = new AbortController();

  const openErrorLog = () =>
    createErrorLog({ log, level: "error", event: "tick.failed", fields: { ticker: name } });

  async function loop(): Promise<void> {
    let failures = 0;
    let logFailure = openErrorLog();
    while (!signal.aborted) {
      // Made before the run: a nudge that comes during it is not lost.
      pause = new AbortController();
      try {
        await run(signal);
        if (failures > 0) {
          log.info({ ticker: name, failures }, "tick.recovered");
          logFailure = openErrorLog();
        }
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        logFailure(error instanceof Error ? error : new Error(String(error)), { failures });
      }
      const pauseMs =
        failures === 0 ? intervalMs : Math.max(intervalMs, Math.min(100 * 2 ** failures, backoffMsMax));
      await delay(pauseMs, undefined, { signal: AbortSignal.any([signal, pause.signal]) }).catch(() => {});
    }
  }

  const looping = loop();
  return {
    nudge: () => pause.abort(),
    close: () => {
      abort.abort();
      return looping;
    },
  };
}
