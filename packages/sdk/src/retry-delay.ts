const firstDelayMs = 100;
const delayMsMax = 30_000;

/**
 * Milliseconds to wait before repeat `attempt` (from 0): doubled each time up to 30 s, half of it at random (`random`
 * in [0, 1)) so that producers that failed together do not come back together, and never less than the gateway asked.
 */
export function retryDelayMs(attempt: number, random: number, askedMs: number): number {
  const ceilingMs = Math.min(delayMsMax, firstDelayMs * 2 ** attempt);
  const jitterMs = (ceilingMs / 2) * random;
  return askedMs > 0 ? askedMs + jitterMs : ceilingMs / 2 + jitterMs;
}

/** Milliseconds that a `Retry-After` asks for: seconds, or an HTTP date (RFC 9110, 10.2.3); 0 where it says nothing. */
export function parseRetryAfter(header: string | null, nowMs: number): number {
  if (header === null) return 0;
  const delayMs = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(delayMs) ? Math.max(0, delayMs) : 0;
}
