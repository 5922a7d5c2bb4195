import { setTimeout as pause } from "node:timers/promises";
import { type Driver, until } from "@driftlock/devkit";
import type { Random } from "@driftlock/runtime";

const answerMsMax = 10_000;
const tryAgainMs = 100;
const batchMax = 400;
/** Leaves the machine what it needs to start again what was killed. */
const pauseMs = 25;
/** One batch in so many is one that was taken before, sent once more. */
const repeatEvery = 20;

export interface PushedEvent {
  accountId: string;
  metric: string;
  quantity: number;
}

/** What became of an event, by its number. Every batch is repeated until it is answered, so `sent` ends as one of the others. */
export const fate = { sent: 0, acknowledged: 1, refused: 2 } as const;

interface Batch {
  from: number;
  to: number;
  acknowledgedAtMs: number;
}

export interface PushLoad {
  /** How many events there are; their ids are `<prefix>-<number>`, from 0. */
  count(): number;
  numberOf(eventId: string): number;
  fateOf(number: number): number;
  eventOf(number: number): PushedEvent;
  /** Answers that a producer must never get. */
  faults: readonly string[];
  /** Events that were acknowledged and refused when they were sent again: right only where Redis was lost in between. */
  takenBack: readonly { number: number; acknowledgedAtMs: number }[];
  /** How often a batch had to be sent again, for no answer or for 503. */
  retries(): number;
  /** How many of those had been taken in part or whole by then. */
  takenUnanswered(): number;
  /** Sends all batches that were acknowledged in such a span once more, as after the loss of Redis. @returns how many events. */
  sendAgain(spans: readonly { fromMs: number; toMs: number }[]): Promise<number>;
  /** Numbers of the events that were acknowledged in such a span. */
  acknowledgedWithin(spans: readonly { fromMs: number; toMs: number }[]): number[];
  /** Resolves once every batch in flight is answered. */
  stop(): Promise<void>;
}

interface LoadOptions {
  /** Gateways; a producer takes the next one after each failure. */
  urls: readonly string[];
  serviceKey: string;
  prefix: string;
  producers: number;
  random: Random;
  eventOf(number: number): PushedEvent;
}

/**
 * Producers that push batches as fast as the pause lets them and do what a producer must: keep what was acknowledged,
 * and send a batch that was not answered, or answered 503, again with the same ids until it is.
 */
export function startPushLoad(options: LoadOptions): PushLoad {
  const { urls, serviceKey, prefix, random, eventOf } = options;
  let fates = new Uint8Array(1 << 16);
  let count = 0;
  let retries = 0;
  let takenUnanswered = 0;
  let isStopping = false;
  const batches: Batch[] = [];
  const faults: string[] = [];
  const takenBack: { number: number; acknowledgedAtMs: number }[] = [];

  const post = (events: unknown[], url: string) =>
    fetch(`${url}/billing/usage`, {
      method: "POST",
      headers: { authorization: `Bearer ${serviceKey}`, "content-type": "application/json" },
      body: JSON.stringify({ events }),
      signal: AbortSignal.timeout(answerMsMax),
    });

  type Answer = { duplicates: number; results: { index: number; outcome: string; detail: string }[] };

  async function postUntilTaken(batch: Batch): Promise<Answer> {
    const events = Array.from({ length: batch.to - batch.from }, (_, index) => ({
      id: `${prefix}-${batch.from + index}`,
      ...eventOf(batch.from + index),
    }));
    for (let tries = 0; ; tries++) {
      try {
        const answer = await post(events, urls[(batch.from + tries) % urls.length] ?? "");
        if (answer.status === 202) {
          const taken = (await answer.json()) as Answer;
          if (tries > 0 && batch.acknowledgedAtMs === 0 && taken.duplicates > 0) takenUnanswered += 1;
          return taken;
        }
        const text = await answer.text();
        if (answer.status !== 503) faults.push(`${answer.status} ${text.slice(0, 300)}`);
      } catch {
        // Not answered: whether it was taken is not known, and the same ids make sure.
      }
      retries += 1;
      await pause(tryAgainMs);
    }
  }

  async function push(batch: Batch): Promise<void> {
    const { results } = await postUntilTaken(batch);
    const outcomes = new Map(results.map((result) => [result.index, result]));
    for (let number = batch.from; number < batch.to; number++) {
      const { outcome, detail } = outcomes.get(number - batch.from) ?? { outcome: "accepted", detail: "" };
      if (outcome === "accepted" || outcome === "duplicate") fates[number] = fate.acknowledged;
      else if (outcome === "quota-exceeded") {
        if (fates[number] === fate.acknowledged)
          takenBack.push({ number, acknowledgedAtMs: batch.acknowledgedAtMs });
        fates[number] = fate.refused;
      } else faults.push(`event ${number}: ${outcome} ${detail}`);
    }
    batch.acknowledgedAtMs = Date.now();
  }

  function nextBatch(): Batch {
    const known = batches[random.below(Math.max(1, batches.length))];
    if (known !== undefined && known.acknowledgedAtMs > 0 && random.below(repeatEvery) === 0)
      return { ...known };
    const batch = { from: count, to: count + random.between(1, batchMax), acknowledgedAtMs: 0 };
    count = batch.to;
    if (count > fates.length) {
      const larger = new Uint8Array(fates.length * 2);
      larger.set(fates);
      fates = larger;
    }
    batches.push(batch);
    return batch;
  }

  async function produce(): Promise<void> {
    while (!isStopping) {
      await push(nextBatch());
      await pause(pauseMs);
    }
  }

  const within = (spans: readonly { fromMs: number; toMs: number }[]) =>
    batches.filter(({ acknowledgedAtMs }) =>
      spans.some(({ fromMs, toMs }) => acknowledgedAtMs >= fromMs && acknowledgedAtMs <= toMs),
    );
  const running = Promise.all(Array.from({ length: options.producers }, produce));
  return {
    count: () => count,
    numberOf: (eventId) => Number(eventId.slice(prefix.length + 1)),
    fateOf: (number) => fates[number] ?? fate.sent,
    eventOf,
    faults,
    takenBack,
    retries: () => retries,
    takenUnanswered: () => takenUnanswered,
    acknowledgedWithin: (spans) =>
      within(spans).flatMap(({ from, to }) =>
        Array.from({ length: to - from }, (_, index) => from + index).filter(
          (number) => fates[number] === fate.acknowledged,
        ),
      ),
    async sendAgain(spans) {
      const chosen = within(spans);
      for (const batch of chosen) await push({ ...batch });
      return chosen.reduce((sum, { from, to }) => sum + to - from, 0);
    },
    async stop() {
      isStopping = true;
      await running;
    },
  };
}

/** The demo's accounts, on a metric without a limit: enough for who asks only whether all of it is counted once. */
export const demoAccountIds = ["acct_demo_1", "acct_demo_2", "acct_demo_3"];
export const demoEventOf = (number: number): PushedEvent => ({
  accountId: demoAccountIds[number % demoAccountIds.length] ?? "",
  metric: "api_requests",
  quantity: 1 + (number % 3),
});

/** Resolves once more events were begun than three producers can have in flight, so that some are acknowledged. */
export function untilMore(what: string, load: PushLoad): Promise<unknown> {
  const before = load.count();
  return until(what, () => load.count() > before + 5 * batchMax);
}

/** Accounts that are opened for a load, each with another habit: together they touch every kind of counter. */
export async function openLoadAccounts(driver: Driver, name: string) {
  const [limited, billed, ...counted] = await Promise.all(
    ["limited", "billed", "a", "b", "c", "d"].map((each) => driver.openAccount(`${name}-${each}`)),
  );
  if (limited === undefined || billed === undefined) throw new Error("no accounts");
  await driver.subscribe(billed, "pro");
  /** By the event's number alone: a repeat has the same payload. */
  const eventOf = (number: number): PushedEvent => {
    const part = number % 10;
    if (part === 0) return { accountId: limited, metric: "events", quantity: 1 + (number % 3) };
    if (part === 1) return { accountId: billed, metric: "events", quantity: 1 };
    const accountId = counted[Math.floor(number / 10) % counted.length] ?? "";
    if (part === 2) return { accountId, metric: "storage_bytes", quantity: (number * 7_919) % 1_000_003 };
    return { accountId, metric: "api_requests", quantity: number % 5 };
  };
  return { limited, billed, accountIds: [limited, billed, ...counted], eventOf };
}
