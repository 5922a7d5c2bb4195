import { AppError, defineJob, type JobDefinition } from "@driftlock/contracts";
import { createTestRedis } from "@driftlock/devkit";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ZodError, z } from "zod";
import { createLogger, createMetrics, Lifecycle } from "../src/index.ts";
import {
  createConsumer,
  createProducer,
  createQueueInspector,
  type JobContext,
  observeQueues,
  type Processor,
  processor,
} from "../src/queue/index.ts";

const eventually = <T>(fact: () => T) => vi.waitFor(fact, { timeout: 10_000 });
const log = createLogger({ name: "test", level: "silent" });
const greet = defineJob({
  queue: "greetings",
  name: "greet",
  payload: z.object({ who: z.string(), at: z.coerce.date().optional() }),
  id: ({ who }) => who,
  attempts: 3,
  backoffMs: 1,
});

let life: Lifecycle;
let connection: Redis;

beforeEach(async () => {
  life = new Lifecycle();
  const { url } = life.own("database", await createTestRedis(), ({ drop }) => drop());
  connection = life.own("redis", new Redis(url, { maxRetriesPerRequest: null }), (redis) => redis.quit());
});

afterEach(() => life.close());

const open = () => ({
  producer: life.own("producer", createProducer({ connection, log }), ({ close }) => close()),
  inspector: life.own(
    "inspector",
    createQueueInspector({ connection, queues: ["greetings"], log }),
    ({ close }) => close(),
  ),
});

function work(...processors: Processor[]) {
  const metrics = createMetrics("test");
  const options = { connection, queue: "greetings", processors, concurrency: 1, log, metrics };
  return { metrics, consumer: life.own("consumer", createConsumer(options), ({ close }) => close()) };
}

/** Greets, and tells each run with what the handler saw. */
function recording(behave: (run: number, context: JobContext) => unknown = () => {}) {
  const runs: { who: string; at?: Date | undefined; attempt: number; requestId: string | undefined }[] = [];
  const greeter = processor(greet, async (payload, context) => {
    runs.push({ ...payload, attempt: context.attempt, requestId: context.requestId });
    await behave(runs.length, context);
  });
  return { runs, greeter };
}

test("a job arrives parsed, with the request that caused it, and is measured", async () => {
  const { producer, inspector } = open();
  const { runs, greeter } = recording();
  const { metrics, consumer } = work(greeter);
  const at = new Date(0);
  await producer.add(greet, { who: "acct:1", at }, { requestId: "req-1" });
  await eventually(async () => expect(await inspector.pendingCount()).toBe(0));
  expect(runs).toEqual([{ who: "acct:1", at, attempt: 1, requestId: "req-1" }]);
  await expect(consumer.check()).resolves.toBeUndefined();
  observeQueues(metrics, inspector);
  const text = await metrics.registry.metrics();
  expect(text).toMatch(/driftlock_job_run_seconds_count{.*outcome="completed".*} 1/);
  expect(text).toMatch(/driftlock_job_wait_seconds_count{.*job="greet".*} 1/);
  expect(text).toMatch(/driftlock_queue_jobs_count{.*state="failed".*} 0/);
});

test("the same work is one job while it waits, and a new one once it is done", async () => {
  const { producer, inspector } = open();
  await producer.add(greet, { who: "42" });
  await producer.add(greet, { who: "42" });
  expect(await inspector.counts()).toMatchObject([{ waiting: 1, oldestWaitingMs: expect.any(Number) }]);
  const { runs, greeter } = recording();
  work(greeter);
  await eventually(() => expect(runs).toHaveLength(1));
  await eventually(async () => expect(await inspector.pendingCount()).toBe(0));
  await producer.add(greet, { who: "42" });
  await eventually(() => expect(runs).toHaveLength(2));
});

test("what is transient is tried again", async () => {
  const { producer, inspector } = open();
  const { runs, greeter } = recording((run) => {
    if (run < 3) throw new AppError("STRIPE_UNAVAILABLE", "try later");
  });
  work(greeter);
  await producer.add(greet, { who: "a" });
  await eventually(() => expect(runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3]));
  await eventually(async () =>
    expect(await inspector.counts()).toMatchObject([{ failed: 0, active: 0, delayed: 0 }]),
  );
});

test("what cannot be retried is kept at once with its reason; retrying it or adding it again runs it", async () => {
  const { producer, inspector } = open();
  const { runs, greeter } = recording((run) => {
    if (run < 3) throw new AppError("UNKNOWN_PLAN", "no such plan");
  });
  work(greeter);
  const isKept = () =>
    eventually(async () => expect(await inspector.counts()).toMatchObject([{ failed: 1, active: 0 }]));
  await producer.add(greet, { who: "a" }, { requestId: "req-1" });
  await isKept();
  const [failed] = await inspector.listFailed("greetings", { offset: 0, limit: 10 });
  expect(failed).toMatchObject({
    name: "greet",
    payload: { who: "a" },
    reason: "UNKNOWN_PLAN: no such plan",
    attempts: 1,
  });
  await inspector.retryFailed("greetings", failed?.id ?? "");
  await eventually(() => expect(runs).toHaveLength(2));
  await isKept();
  await producer.add(greet, { who: "a" }, { requestId: "req-2" });
  await eventually(() => expect(runs).toHaveLength(3));
  await eventually(async () => expect(await inspector.counts()).toMatchObject([{ failed: 0, active: 0 }]));
  expect(runs.map(({ requestId }) => requestId)).toEqual(["req-1", "req-1", "req-2"]);
});

test("the last attempt leaves the job among the failed", async () => {
  const { producer, inspector } = open();
  const { runs, greeter } = recording(() => Promise.reject(new Error("boom")));
  work(greeter);
  await producer.add(greet, { who: "a" });
  await eventually(async () => expect(await inspector.counts()).toMatchObject([{ failed: 1 }]));
  expect(runs).toHaveLength(3);
});

test("work added again while it runs is run once more, however often it was added", async () => {
  const { producer, inspector } = open();
  const release = Promise.withResolvers<void>();
  const { runs, greeter } = recording((run) => (run === 1 ? release.promise : undefined));
  work(greeter);
  const add = (at: number) =>
    producer.add(greet, { who: "a", at: new Date(at) }, { deduplicate: "keep-last-if-active" });
  await add(1);
  await eventually(() => expect(runs).toHaveLength(1));
  for (const at of [2, 3, 4]) await add(at);
  release.resolve();
  await eventually(() => expect(runs).toHaveLength(2));
  await eventually(async () => expect(await inspector.pendingCount()).toBe(0));
  expect(runs.map(({ at }) => at?.getTime())).toEqual([1, 4]);
});

test("jobs that are added together are one each, and those failed for good are tried anew", async () => {
  const { producer, inspector } = open();
  const isPoisoned = { now: true };
  const { runs, greeter } = recording(() => {
    if (isPoisoned.now) throw new AppError("UNKNOWN_PLAN", "no such plan");
  });
  const { consumer } = work(greeter);
  await producer.add(greet, { who: "a" });
  await eventually(async () => expect(await inspector.counts()).toMatchObject([{ failed: 1, active: 0 }]));
  await consumer.close();
  isPoisoned.now = false;
  const together = ["a", "b", "c", "b"].map((who) => ({ payload: { who }, requestId: `req-${who}` }));
  await producer.addMany(greet, together);
  await producer.addMany(greet, []);
  expect(await inspector.counts()).toMatchObject([{ waiting: 3, failed: 0 }]);
  work(greeter);
  await eventually(async () => expect(await inspector.pendingCount()).toBe(0));
  expect(runs.slice(1).map(({ who, requestId }) => [who, requestId])).toEqual(
    expect.arrayContaining([
      ["a", "req-a"],
      ["b", "req-b"],
      ["c", "req-c"],
    ]),
  );
  expect(runs).toHaveLength(4);
  const bad = producer.addMany(greet, [{ payload: { who: "d" } }, { payload: { who: 1 } as never }]);
  await expect(bad).rejects.toThrow(ZodError);
});

test("a payload that is not the job's is refused when added", async () => {
  const { producer, inspector } = open();
  await expect(producer.add(greet, { who: 1 } as never)).rejects.toThrow(ZodError);
  expect(await inspector.pendingCount()).toBe(0);
});

test("what another version queued is kept, not dropped: a wrong payload at once, an unknown name after its attempts", async () => {
  const { producer, inspector } = open();
  const leave: JobDefinition<{ who: string }> = { ...greet, name: "leave", attempts: 2 };
  const raw = life.own("raw", new Queue("greetings", { connection, prefix: "{dl}" }), (queue) =>
    queue.close(),
  );
  await raw.add("greet", { payload: { whom: "a" } });
  await producer.add(leave, { who: "a" });
  work(recording().greeter);
  await eventually(async () => expect(await inspector.counts()).toMatchObject([{ failed: 2 }]));
  const failed = await inspector.listFailed("greetings", { offset: 0, limit: 10 });
  expect(Object.fromEntries(failed.map(({ name, attempts }) => [name, attempts]))).toEqual({
    greet: 1,
    leave: 2,
  });
});

test("closing waits for the job that runs; cut short, it is put back and loses no attempt", async () => {
  const { producer, inspector } = open();
  const { runs, greeter } = recording(
    (run, { signal }) => run > 1 || new Promise((_, reject) => signal.addEventListener("abort", reject)),
  );
  const { consumer } = work(greeter);
  await producer.add(greet, { who: "a" });
  await eventually(() => expect(runs).toHaveLength(1));
  await consumer.close(1);
  expect(await inspector.counts()).toMatchObject([{ waiting: 1, active: 0, delayed: 0, failed: 0 }]);
  await expect(consumer.check()).rejects.toThrow('the queue "greetings" is not being worked on');
  work(greeter);
  await eventually(() => expect(runs.map(({ attempt }) => attempt)).toEqual([1, 1]));
});

test("a consumer is built of its own queue's jobs only", () => {
  const other = processor({ ...greet, queue: "other" }, async () => {});
  expect(() => work(other)).toThrow('"greet" is a job of the queue "other", not "greetings"');
});
