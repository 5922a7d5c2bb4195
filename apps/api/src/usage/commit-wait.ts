import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@driftlock/contracts";
import { hasReached, readCommitted, type ServerLife, type StreamPosition } from "@driftlock/redis";
import type { WrittenEntry } from "./durability.ts";

const pollMs = 10;
const waitMsMax = 10_000;

/** Resolves when all of these are committed in Postgres. @throws UNAVAILABLE after 10 s, or with Redis's loss. */
export type CommitWait = (life: ServerLife<unknown>, entries: readonly WrittenEntry[]) => Promise<void>;

interface Waiter {
  life: ServerLife<unknown>;
  entries: readonly WrittenEntry[];
  untilMs: number;
  resolve(): void;
  reject(error: AppError): void;
}

/** How far each partition is committed, by what Redis told. */
type Committed = ReadonlyMap<number, StreamPosition>;

/**
 * All who wait share one look at Redis every 10 ms; while nobody waits there is none. `monotonicNow` is milliseconds
 * that no step of the clock moves.
 */
export function createCommitWait({ monotonicNow }: { monotonicNow: () => number }): CommitWait {
  let waiting: Waiter[] = [];
  let isLooking = false;

  async function look(): Promise<void> {
    // There is one life at a time; who waits in an ended one is told so below.
    const asked = waiting.filter(({ life }) => !life.ended.aborted);
    const committed = await readAll(asked);
    const nowMs = monotonicNow();
    waiting = waiting.filter((waiter) => {
      const state = stateOf(waiter, asked.includes(waiter) ? committed : null);
      if (state === "committed") waiter.resolve();
      else if (state === "lost") waiter.reject(lost());
      else if (nowMs >= waiter.untilMs) waiter.reject(late());
      else return true;
      return false;
    });
  }

  async function lookWhileAnyWaits(): Promise<void> {
    isLooking = true;
    while (waiting.length > 0) {
      await look();
      if (waiting.length > 0) await delay(pollMs);
    }
    isLooking = false;
  }

  return (life, entries) => {
    if (entries.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ life, entries, untilMs: monotonicNow() + waitMsMax, resolve, reject });
    if (!isLooking) void lookWhileAnyWaits();
    return promise;
  };
}

/** Null where Redis did not answer: nothing is known by it, and the next look may tell. */
async function readAll(waiting: readonly Waiter[]): Promise<Committed | null> {
  const [any] = waiting;
  if (any === undefined) return null;
  const partitions = [
    ...new Set(waiting.flatMap(({ entries }) => entries.map(({ partition }) => partition))),
  ];
  const positions = await readCommitted(any.life.redis, partitions).catch(() => null);
  return positions && new Map(positions.map((position, index) => [partitions[index] ?? 0, position]));
}

function stateOf({ life, entries }: Waiter, committed: Committed | null): "committed" | "lost" | "open" {
  if (life.ended.aborted) return "lost";
  if (committed === null) return "open";
  let isAll = true;
  for (const entry of entries) {
    const present = committed.get(entry.partition);
    if (present?.epoch !== entry.epoch) return "lost";
    isAll &&= hasReached(present, { end: entry, present });
  }
  return isAll ? "committed" : "open";
}

const unavailable = (why: string) =>
  new AppError("UNAVAILABLE", `${why}; send the same events again: they count once.`, {
    retryAfterSeconds: 1,
  });
const lost = () => unavailable("Redis was lost before the events were committed");
const late = () => unavailable("The events are accepted and not yet committed");
