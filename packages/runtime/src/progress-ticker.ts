import type { Clock, ClockParticipant, ClockProgress } from "./clock.ts";
import type { Logger } from "./logger.ts";
import { createTicker, type Ticker } from "./ticker.ts";

// While the clock is moved somebody waits for us at every instant; else a report only says that we live.
const movingIntervalMs = 50;
const restIntervalMs = 1_000;

interface ProgressTickerOptions {
  clock: Clock & ClockParticipant;
  /** How far this process has come, as seen now. */
  look(): Promise<ClockProgress>;
  log: Logger;
}

/** Reports this process's progress to whoever moves the clock: often while it is moved, and at once after a jump. */
export function createProgressTicker({ clock, look, log }: ProgressTickerOptions): Ticker {
  let restsUntilMs = 0;
  const run = async () => {
    if (!clock.isMoving() && performance.now() < restsUntilMs) return;
    await clock.report(await look());
    restsUntilMs = performance.now() + restIntervalMs;
  };
  const ticker = createTicker({ name: "clock-progress", intervalMs: movingIntervalMs, run, log });
  clock.onMoved(ticker.nudge);
  return ticker;
}
