import { setImmediate as endOfTurn, setTimeout as delay } from "node:timers/promises";
import type { UsageEvent } from "@driftlock/contracts";
import { type AcceptOutcome, callEventsMax, type Decision, type StreamPosition } from "@driftlock/redis";

/** Events of one request and one partition, decided in their order, maybe in several calls. */
export interface Load {
  readonly events: readonly UsageEvent[];
  /** The decisions that were made so far, in order. */
  readonly decisions: Decision[];
  /** What was written for them. */
  readonly entries: StreamPosition[];
}

/**
 * The events of all requests on their way to one partition.
 * @returns whether all of the load is decided; false: the limits of some of its accounts must be loaded first.
 * @throws what the call threw: what was decided by then stays.
 */
export type DecideLoad = (load: Load) => Promise<boolean>;

interface Waiting {
  load: Load;
  resolve: (isDecided: boolean) => void;
  reject: (error: unknown) => void;
}

interface Part {
  waiting: Waiting;
  count: number;
}

/** From one call to the next, where it is not full: at thousands of single events a second Redis takes a third less (ADR 0035). */
const restMs = 1;

interface LineOptions {
  /** `loads`: how many of the events belong to each load, in order. */
  accept(events: readonly UsageEvent[], loads: readonly number[]): Promise<AcceptOutcome>;
  /** Is told of accounts whose limits were not those of the counters. */
  forget(accountIds: readonly string[]): void;
  /** Whether a load may be decided in several calls; one that may not has at most `callEventsMax` events. */
  canSplit: boolean;
}

/**
 * One call at a time: what arrives while it is under way, or within a millisecond of its start, goes together in the next,
 * so that calls grow with the load. After a rest nobody waits for a timer.
 */
export function createPartitionLine({ accept, forget, canSplit }: LineOptions): DecideLoad {
  let line: Waiting[] = [];
  let isBusy = false;
  let calledAtMs = -Infinity;

  async function run(): Promise<void> {
    while (line.length > 0) {
      // After all requests that have arrived by now were read: Redis' answer comes in the midst of them.
      if (!isFull(line)) await (performance.now() - calledAtMs < restMs ? delay(restMs) : endOfTurn());
      calledAtMs = performance.now();
      await callOnce();
    }
    isBusy = false;
  }

  async function callOnce(): Promise<void> {
    const parts = takeParts(line, canSplit);
    const events = eventsOf(parts);
    try {
      const counts = parts.map(({ count }) => count);
      const outcome = await accept(events, counts);
      if (outcome.outcome === "decided") share(parts, outcome);
      else turnAway(parts, outcome.accountIds);
    } catch (error) {
      for (const { waiting } of parts) waiting.reject(error);
      leave(new Set(parts.map(({ waiting }) => waiting)));
    }
  }

  function share(parts: readonly Part[], { decisions, entry }: AcceptOutcome & { outcome: "decided" }): void {
    const done = new Set<Waiting>();
    let at = 0;
    for (const { waiting, count } of parts) {
      const { load } = waiting;
      for (const end = at + count; at < end; at++) load.decisions.push(decisions[at] ?? missing());
      if (entry !== null) load.entries.push(entry);
      if (load.decisions.length < load.events.length) continue;
      done.add(waiting);
      waiting.resolve(true);
    }
    leave(done);
  }

  /** Those who sent events of these accounts load them and come again; the others go on at once. */
  function turnAway(parts: readonly Part[], accountIds: readonly string[]): void {
    forget(accountIds);
    const stale = new Set(accountIds);
    const away = new Set<Waiting>();
    for (const { waiting } of parts) {
      if (!waiting.load.events.some(({ accountId }) => stale.has(accountId))) continue;
      away.add(waiting);
      waiting.resolve(false);
    }
    leave(away);
  }

  function leave(gone: ReadonlySet<Waiting>): void {
    if (gone.size > 0) line = line.filter((waiting) => !gone.has(waiting));
  }

  return (load) =>
    new Promise((resolve, reject) => {
      line.push({ load, resolve, reject });
      if (isBusy) return;
      isBusy = true;
      void run();
    });
}

function takeParts(line: readonly Waiting[], canSplit: boolean): Part[] {
  const parts: Part[] = [];
  let room = callEventsMax;
  for (const waiting of line) {
    const left = waiting.load.events.length - waiting.load.decisions.length;
    if (room === 0 || (left > room && !canSplit)) break;
    const count = Math.min(room, left);
    parts.push({ waiting, count });
    room -= count;
  }
  return parts;
}

/** Whether the next call is as large as calls are. */
function isFull(line: readonly Waiting[]): boolean {
  let events = 0;
  for (const { load } of line) {
    events += load.events.length - load.decisions.length;
    if (events >= callEventsMax) return true;
  }
  return false;
}

function eventsOf(parts: readonly Part[]): readonly UsageEvent[] {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && only.count === only.waiting.load.events.length)
    return only.waiting.load.events;
  // oxlint-disable-next-line unicorn/no-new-array -- of its size at once: one that grows is copied as it does
  const events = new Array<UsageEvent>(parts.reduce((sum, { count }) => sum + count, 0));
  let place = 0;
  for (const { waiting, count } of parts) {
    const { load } = waiting;
    const from = load.decisions.length;
    for (let at = from; at < from + count; at++) events[place++] = load.events[at] ?? missing();
  }
  return events;
}

function missing(): never {
  throw new Error("Redis decided another number of events than it was given");
}
