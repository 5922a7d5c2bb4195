import { expect, test } from "vitest";
import { eventually, openAccounts, openSystem, owners, send, totals } from "./system.ts";
import { partitions } from "./world.ts";

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
