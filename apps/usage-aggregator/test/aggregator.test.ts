import { startPrivateRedis } from "@driftlock/devkit";
import { createLogger } from "@driftlock/runtime";
import { startSimulator } from "@driftlock/stripe-simulator";
import { afterEach, expect, test } from "vitest";
import { type AggregatorProcess, startAggregator } from "./aggregator-process.ts";
import { eventOf, newAccountId, openWorld, partitions, type World } from "./world.ts";

const stack: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of stack.splice(0).reverse()) await close();
});

async function openSystem(options: Parameters<typeof openWorld>[0] = {}) {
  const world = await openWorld(options);
  stack.push(() => world.close());
  const log = createLogger({ name: "simulator", level: "silent" });
  const simulator = await startSimulator({
    port: 0,
    host: "127.0.0.1",
    statePath: null,
    log,
    wallNow: () => new Date(),
  });
  stack.push(() => simulator.close());
  const start = async (): Promise<AggregatorProcess> => {
    const started = await startAggregator({ ...world, stripeUrl: simulator.url });
    stack.push(async () => {
      started.kill("SIGCONT");
      started.kill("SIGKILL");
      await started.exited;
    });
    return started;
  };
  return { world, start };
}

const owners = async (world: World) => {
  const rows = await world.query<{ owner: string | null; count: number }>`
    select owner, count(*) as count from usage_stream_positions where leased_until > now() group by owner`;
  return rows.map(({ count }) => count).sort((one, other) => one - other);
};
const eventually = <T>(read: () => Promise<T>, timeout = 20_000) =>
  expect.poll(read, { timeout, interval: 100 });

async function openAccounts(world: World, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, newAccountId);
  for (const id of ids) await world.openAccount(id);
  return ids;
}
const send = (world: World, ids: readonly string[], prefix: string) =>
  world.accept(
    ids.flatMap((id) => Array.from({ length: 20 }, (_, index) => eventOf(id, `${prefix}${index}`))),
  );
const totals = async (world: World, ids: readonly string[]) => {
  const [row] = await world.query<{ records: number; total: number }>`
    select (select count(*) from usage_records where account_id = any(${ids})) as records,
      (select coalesce(sum(quantity), 0)::bigint from usage_totals where account_id = any(${ids})) as total`;
  return row;
};

test("two aggregators share the partitions; one killed is taken over within 10 s, one stopped gives back at once", async () => {
  const { world, start } = await openSystem();
  const ids = await openAccounts(world, 8);
  const first = await start();
  await eventually(() => owners(world)).toEqual([partitions]);
  const second = await start();
  await eventually(() => owners(world)).toEqual([partitions / 2, partitions / 2]);
  await send(world, ids, "a");
  await eventually(() => totals(world, ids)).toEqual({ records: 160, total: 160 });
  first.kill("SIGKILL");
  await send(world, ids, "b");
  await eventually(() => totals(world, ids), 10_000).toEqual({ records: 320, total: 320 });
  await eventually(() => owners(world)).toEqual([partitions]);
  const third = await start();
  await eventually(() => owners(world)).toEqual([partitions / 2, partitions / 2]);
  second.kill("SIGTERM");
  await second.exited;
  await eventually(() => owners(world), 3_000).toEqual([partitions]);
  await send(world, ids, "c");
  await eventually(() => totals(world, ids)).toEqual({ records: 480, total: 480 });
  expect((await fetch(`${third.opsUrl}/health/ready`)).status).toBe(200);
  const metrics = await (await fetch(`${third.opsUrl}/metrics`)).text();
  expect(metrics).toContain('driftlock_usage_stream_entries{partition="0",process="usage-aggregator"} 0');
  expect(metrics).toMatch(/driftlock_usage_events_total\{outcome="stored",.*\} \d+/);
}, 90_000);

test("one that was stopped for longer than its lease wakes and writes nothing twice", async () => {
  const { world, start } = await openSystem();
  const ids = await openAccounts(world, 4);
  const sleeper = await start();
  await send(world, ids, "a");
  await eventually(() => totals(world, ids)).toEqual({ records: 80, total: 80 });
  sleeper.kill("SIGSTOP");
  await send(world, ids, "b");
  await start();
  await eventually(() => totals(world, ids)).toEqual({ records: 160, total: 160 });
  sleeper.kill("SIGCONT");
  await send(world, ids, "c");
  await eventually(() => totals(world, ids)).toEqual({ records: 240, total: 240 });
  await eventually(() => owners(world)).toEqual([partitions / 2, partitions / 2]);
  const corrections = await world.query`select 1 from usage_corrections`;
  expect(corrections).toEqual([]);
}, 90_000);

test("connections cut in the middle of commits, a kill -9 and repeats under load: each accepted event is stored once", async () => {
  const { world, start } = await openSystem();
  const ids = await openAccounts(world, 6);
  const [first] = await Promise.all([start(), start()]);
  const accepted = new Map<string, number>();
  // The guard forgets every now and then, so that repeats reach the records too.
  for (let round = 0; round < 200; round++) {
    if (round % 4 === 0) {
      await world.query`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'driftlock-usage-aggregator' and datname = current_database() order by random() limit 2`;
    }
    if (round === 100) first.kill("SIGKILL");
    const events = Array.from({ length: 60 }, (_, index) => {
      const number = Math.max(0, round * 40 + index - 20);
      return eventOf(ids[number % ids.length]!, `n${number}`, {
        metric: "api_requests",
        quantity: 1 + (number % 7),
      });
    });
    const verdicts = await world.accept(events, Math.floor(round / 5) * 3_600_000);
    for (const [index, verdict] of verdicts.entries()) {
      expect(["accepted", "duplicate"]).toContain(verdict);
      accepted.set(`${events[index]!.accountId} ${events[index]!.id}`, events[index]!.quantity);
    }
  }
  const sum = [...accepted.values()].reduce((total, quantity) => total + quantity, 0);
  await eventually(() => totals(world, ids)).toEqual({ records: accepted.size, total: sum });
  const corrected = async () =>
    (await Promise.all(ids.map((id) => world.used(id, "api_requests")))).reduce((one, other) => one + other);
  await eventually(corrected).toBe(sum);
  expect(accepted.size).toBeGreaterThan(500);
}, 90_000);

test("after FLUSHALL the next decisions are right again, and new events are counted", async () => {
  const server = await startPrivateRedis();
  const { world, start } = await openSystem({ redisUrl: server.url });
  stack.unshift(() => server.close());
  const id = newAccountId();
  await world.openAccount(id);
  await start();
  await world.accept([eventOf(id, "1", { quantity: 9_000 })]);
  await eventually(() => totals(world, [id])).toEqual({ records: 1, total: 9_000 });
  await world.redis.flushall();
  expect(
    await world.accept([eventOf(id, "2", { quantity: 1_001 }), eventOf(id, "3", { quantity: 600 })]),
  ).toEqual(["quota-exceeded", "accepted"]);
  await eventually(() => totals(world, [id])).toEqual({ records: 2, total: 9_600 });
  expect(
    await world.accept([eventOf(id, "4", { quantity: 401 }), eventOf(id, "5", { quantity: 400 })]),
  ).toEqual(["quota-exceeded", "accepted"]);
  await eventually(() => totals(world, [id])).toEqual({ records: 3, total: 10_000 });
  expect(await world.used(id)).toBe(10_000);
}, 60_000);

test("with Redis killed and back the aggregator says why it is not ready, and catches up by itself", async () => {
  const server = await startPrivateRedis();
  const { world, start } = await openSystem({ redisUrl: server.url });
  stack.unshift(() => server.close());
  const id = newAccountId();
  await world.openAccount(id);
  const aggregator = await start();
  await world.accept([eventOf(id, "1")]);
  await eventually(() => totals(world, [id])).toEqual({ records: 1, total: 1 });
  await server.kill();
  const ready = async () => (await fetch(`${aggregator.opsUrl}/health/ready`)).status;
  await eventually(ready).toBe(503);
  await server.start();
  await eventually(async () =>
    world.accept([eventOf(id, "2")]).then(
      () => true,
      () => false,
    ),
  ).toBe(true);
  await eventually(() => totals(world, [id])).toEqual({ records: 2, total: 2 });
  await eventually(ready).toBe(200);
}, 60_000);
