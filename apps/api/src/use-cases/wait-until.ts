import { setTimeout as delay } from "node:timers/promises";

const pollMs = 40;

/** Looks again and again until `isTrue` or `timeoutMs` of wall time have passed. @returns whether it came true. */
export async function waitUntil(timeoutMs: number, isTrue: () => Promise<boolean>): Promise<boolean> {
  for (const giveUpAt = performance.now() + timeoutMs; performance.now() < giveUpAt; await delay(pollMs)) {
    if (await isTrue()) return true;
  }
  return false;
}
