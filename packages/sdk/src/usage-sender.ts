import type { UsageBatchDto, UsageResultDto } from "@driftlock/contracts";
import { DriftLockError } from "./errors.ts";
import type { PostJson } from "./gateway.ts";
import { retryDelayMs } from "./retry-delay.ts";

const requestTimeoutMs = 30_000;

interface Deps {
  postJson: PostJson;
  /** Waits so many milliseconds; rejects when the signal is aborted. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  random: () => number;
}

/**
 * Sends events (each as JSON) as one batch, over and over with the same ids until it is answered, and resolves with the
 * gateway's answer.
 * @throws DriftLockError where a repeat cannot help, and NOT_SENT once `signal` is aborted.
 */
export type SendUsage = (events: readonly string[], signal: AbortSignal) => Promise<UsageBatchDto>;

export function createSendUsage({ postJson, pause, random }: Deps): SendUsage {
  return async (events, signal) => {
    const json = `{"events":[${events.join(",")}]}`;
    let reason = "nothing was answered";
    for (let attempt = 0; ; attempt++) {
      const answer = await postJson("/billing/usage", json, { timeoutMs: requestTimeoutMs, signal });
      if (answer.kind === "answered") return readBatch(answer.body, events.length);
      if (answer.kind === "refused") throw answer.error;
      if (!signal.aborted) reason = answer.reason;
      try {
        await pause(retryDelayMs(attempt, random(), answer.retryAfterMs), signal);
      } catch (cause) {
        throw new DriftLockError("NOT_SENT", `Usage was not taken in time; last: ${reason}`, {
          cause,
        });
      }
    }
  };
}

/** Read leniently: an outcome that a newer gateway knows is handed on, not stumbled over. */
function readBatch(body: unknown, eventCount: number): UsageBatchDto {
  const batch = body as Partial<UsageBatchDto> | null;
  const isOurs =
    Array.isArray(batch?.results) &&
    (batch.accepted ?? 0) + (batch.duplicates ?? 0) + (batch.rejected ?? 0) === eventCount &&
    (batch.results as Partial<UsageResultDto>[]).every(({ index }) => isPlace(index, eventCount));
  if (isOurs) return batch as UsageBatchDto;
  throw new DriftLockError(
    "UNEXPECTED_ANSWER",
    `The answer to ${eventCount} events does not account for them; check that the url is the gateway's.`,
  );
}

const isPlace = (index: number | undefined, eventCount: number): boolean =>
  index !== undefined && Number.isInteger(index) && index >= 0 && index < eventCount;
