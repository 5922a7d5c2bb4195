import { setTimeout as delay } from "node:timers/promises";

/** Repeats `check` until it resolves; throws its last reason after `deadlineMs`, and returns once `stopped` is aborted. */
export async function pollUntil(
  check: () => Promise<unknown>,
  deadlineMs: number,
  stopped?: AbortSignal,
): Promise<void> {
  const deadlineAtMs = performance.now() + deadlineMs;
  while (!stopped?.aborted) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > deadlineAtMs) {
        const reason = (error as Error).message || String(error);
        throw new Error(`${reason} (for ${deadlineMs / 1000} s)`, { cause: error });
      }
      await delay(50);
    }
  }
}
