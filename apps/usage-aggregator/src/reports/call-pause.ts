const waitMsMin = 500;
const waitMsMax = 30_000;

/** Keeps this process from calling Stripe while Stripe is away or has had enough. Wall time. */
export interface CallPause {
  isOver(): boolean;
  /** Whether the last call failed for all: one call is enough to find out whether it still does. */
  isTrying(): boolean;
  /** A call failed for all; `waitMs` is what Stripe asked for. Each failure after a pause doubles the next. */
  begin(waitMs: number): void;
  end(): void;
}

export function createCallPause(nowMs: () => number = () => performance.now()): CallPause {
  let failures = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  const isOver = () => nowMs() >= untilMs;
  return {
    isOver,
    isTrying: () => failures > 0,
    begin: (waitMs) => {
      // Those that were under way together failed of one cause.
      if (isOver()) failures += 1;
      const backoffMs = Math.min(waitMsMin * 2 ** (failures - 1), waitMsMax);
      untilMs = nowMs() + Math.max(backoffMs, Math.min(waitMs, waitMsMax));
    },
    end: () => {
      failures = 0;
      untilMs = Number.NEGATIVE_INFINITY;
    },
  };
}
