import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Clock, ClockParticipant } from "./clock.ts";
import type { Logger } from "./logger.ts";

const Reading = z.object({
  offsetMs: z.number().int(),
  version: z.number().int(),
  status: z.enum(["ready", "advancing"]),
});

const LONG_POLL_MS = 20_000;
const TIMEOUT_MS = 5_000;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 2_000;

interface FollowedClockOptions {
  /** Answers `{ offsetMs, version, status }`; with `?version=N&waitMs=M` only once the version is another, or after M. */
  url: string;
  /** This process's name among the clock's participants. */
  name: string;
  log: Logger;
  signal: AbortSignal;
}

/**
 * Wall time plus the offset that the clock at `url` last told. Resolves with the first reading, for which it waits
 * as long as it takes; when the clock is lost later, the last offset stays and time goes on.
 */
export async function followedClock(options: FollowedClockOptions): Promise<Clock & ClockParticipant> {
  const { url, name, log, signal } = options;
  const warn = { read: warnOnce(log, "clock"), report: warnOnce(log, "clock-report") };
  let reading = await readUntilAnswered(url, warn.read, signal);
  const listeners: (() => void)[] = [];
  void follow();

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      const query = `${url}?version=${reading.version}&waitMs=${LONG_POLL_MS}`;
      const { version } = reading;
      reading = await readUntilAnswered(query, warn.read, signal).catch(() => reading);
      if (reading.version !== version) for (const listener of listeners) listener();
    }
  }

  return {
    now: () => new Date(Date.now() + reading.offsetMs),
    isMoving: () => reading.status === "advancing",
    onMoved: (listener) => void listeners.push(listener),
    report: async (progress) => {
      try {
        const response = await fetch(`${url}/participants/${encodeURIComponent(name)}`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(progress),
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`the clock answered ${response.status}`);
        warn.report.succeeded();
      } catch (error) {
        if (!signal.aborted) warn.report.failed(error);
      }
    },
  };
}

async function readUntilAnswered(
  url: string,
  warn: WarnOnce,
  signal: AbortSignal,
): Promise<z.infer<typeof Reading>> {
  for (let backoffMs = BACKOFF_MS_MIN; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX)) {
    try {
      const timeout = AbortSignal.timeout(LONG_POLL_MS + TIMEOUT_MS);
      const response = await fetch(url, { signal: AbortSignal.any([signal, timeout]) });
      if (!response.ok) throw new Error(`the clock answered ${response.status}`);
      const reading = Reading.parse(await response.json());
      warn.succeeded();
      return reading;
    } catch (error) {
      signal.throwIfAborted();
      warn.failed(error);
      await delay(backoffMs, undefined, { signal });
    }
  }
}

interface WarnOnce {
  failed(error: unknown): void;
  succeeded(): void;
}

/** One line when something starts to fail and one when it works again, however many tries lie between. */
function warnOnce(log: Logger, subject: string): WarnOnce {
  let isFailing = false;
  return {
    failed(error) {
      if (!isFailing) log.warn({ err: error }, `${subject}.lost`);
      isFailing = true;
    },
    succeeded() {
      if (isFailing) log.info(`${subject}.found`);
      isFailing = false;
    },
  };
}
