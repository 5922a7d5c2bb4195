import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "@driftlock/contracts";
import {
  hasReached,
  type Lives,
  readCommitted,
  type ServerLife,
  type StreamPosition,
} from "@driftlock/redis";
import type { WrittenEntry } from "./durability.ts";

const pollMs = 10;
const waitMsMax = 10_000;

/** Resolves when all of these are committed in Postgres. @throws UNAVAILABLE after 10 s, or with Redis's loss. */
export type CommitWait = (lives: Lives<unknown>, entries: readonly WrittenEntry[]) => Promise<void>;

interface Waiter {
  entries: readonly WaitedEntry[];
  untilMs: number;
  resolve(): void;
  reject(error: AppError): void;
}

interface WaitedEntry extends WrittenEntry {
  life: ServerLife<unknown>;
}

/** How far each partition is committed, by what its Redis told; nothing of one that did not answer: the next look may tell. */
type Committed = ReadonlyMap<ServerLife<unknown>, ReadonlyMap<number, StreamPosition>>;

/**
 * All who wait share one look at Redis every 10 ms; while nobody waits there is none. `monotonicNow` is milliseconds
 * that no step of the clock moves.
 */
export function createCommitWait({ monotonicNow }: { monotonicNow: () => number }): CommitWait {
  let waiting: Waiter[] = [];
  let isLooking = false;

  async function look(): Promise<void> {
    const asked = new Set(waiting);
    const committed = await readAll(waiting.flatMap(({ entries }) => entries));
    const nowMs = monotonicNow();
    waiting = waiting.filter((waiter) => {
      // What was read before it came is not said of it.
      if (!asked.has(waiter)) return true;
      const state = stateOf(waiter.entries, committed);
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

  return (lives, entries) => {
    if (entries.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waited = entries.map((entry) => ({ ...entry, life: lives.of(entry.partition) }));
    waiting.push({ entries: waited, untilMs: monotonicNow() + waitMsMax, resolve, reject });
    if (!isLooking) void lookWhileAnyWaits();
    return promise;
  };
}

async function readAll(entries: readonly WaitedEntry[]): Promise<Committed> {
  const asked = new Map<ServerLife<unknown>, Set<number>>();
  for (const { life, partition } of entries) {
    const partitions = asked.get(life) ?? new Set();
    asked.set(life, partitions.add(partition));
  }
  const committed = new Map<ServerLife<unknown>, Map<number, StreamPosition>>();
  const reads = Array.from(asked, async ([life, inIt]) => {
    // Who waits in an ended life is told so; its connection may be of another by now.
    if (life.ended.aborted) return;
    const partitions = [...inIt];
    const positions = await readCommitted(life.redis, partitions).catch(() => []);
    committed.set(life, new Map(positions.map((position, index) => [partitions[index] ?? 0, position])));
  });
  await Promise.all(reads);
  return committed;
}

function stateOf(entries: readonly WaitedEntry[], committed: Committed): "committed" | "lost" | "open" {
  if (entries.some(({ life }) => life.ended.aborted)) return "lost";
  let isAll = true;
  for (const entry of entries) {
    const present = committed.get(entry.life)?.get(entry.partition);
    if (present === undefined) isAll = false;
    else if (present.epoch !== entry.epoch) return "lost";
    else isAll &&= hasReached(present, { end: entry, present });
  }
  return isAll ? "committed" : "open";
}

const unavailable = (why: string) =>
  new AppError("UNAVAILABLE", `${why}; send the same events again: they count once.`, {
    retryAfterSeconds: 1,
  });
const lost = () => unavailable("Redis was lost before the events were committed");
const late = () => unavailable("The events are accepted and not yet committed");
