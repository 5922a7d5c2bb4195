import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "./logger.ts";

const BACKOFF_MS_MAX = 10_000;

export interface Ticker {
  /** Aborts the signal and waits for the run under way. */
  close(): Promise<void>;
}

interface TickerOptions {
  name: string;
  /** Wall time from the end of one run to the start of the next. */
  intervalMs: number;
  run(signal: AbortSignal): Promise<unknown>;
  log: Logger;
}

/** Runs at once and then again and again, never twice at a time; an error is logged and spaces the runs out. */
export function createTicker({ name, intervalMs, run, log }: TickerOptions): Ticker {
  const abort = new AbortController();
  const { signal } = abort;

  async function loop(): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await run(signal);
        if (failures > 0) log.info({ ticker: name, failures }, "tick.recovered");
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        log.error({ err: error, ticker: name, failures }, "tick.failed");
      }
      const pauseMs =
        failures === 0 ? intervalMs : Math.max(intervalMs, Math.min(100 * 2 ** failures, BACKOFF_MS_MAX));
      await delay(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  const looping = loop();
  return {
    close: () => {
      abort.abort();
      return looping;
    },
  };
}
