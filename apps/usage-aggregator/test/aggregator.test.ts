import { startPrivateRedis } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { eventually, openAccounts, openSystem, stack, totals } from "./system.ts";
import { eventOf, newAccountId } from "./world.ts";

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
