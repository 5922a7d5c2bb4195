import { startTestApp, type TestApp } from "@driftlock/devkit";
import { createLogger } from "@driftlock/runtime";
import { startSimulator } from "@driftlock/stripe-simulator";
import { afterEach, expect } from "vitest";
import { eventOf, newAccountId, openWorld, type World } from "./world.ts";

/** Closed after each test, the newest first. */
export const stack: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of stack.splice(0).reverse()) await close();
});

export async function openSystem(options: Parameters<typeof openWorld>[0] = {}) {
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
  const start = async (): Promise<TestApp> => {
    const started = await startTestApp("usage-aggregator", {
      DATABASE_URL: world.databaseUrl,
      REDIS_URL: world.redisUrl,
      STRIPE_API_URL: simulator.url,
      STRIPE_SECRET_KEY: "sk_test_aggregator",
      DRIFTLOCK_MODE: "simulator",
      AGGREGATOR_OPS_PORT: "0",
    });
    stack.push(async () => {
      started.kill("SIGCONT");
      started.kill("SIGKILL");
      await started.exited;
    });
    return started;
  };
  return { world, start };
}

export const owners = async (world: World) => {
  const rows = await world.query<{ owner: string | null; count: number }>`
    select owner, count(*) as count from usage_stream_positions where leased_until > now() group by owner`;
  return rows.map(({ count }) => count).sort((one, other) => one - other);
};
export const eventually = <T>(read: () => Promise<T>, timeout = 20_000) =>
  expect.poll(read, { timeout, interval: 100 });

export async function openAccounts(world: World, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, newAccountId);
  for (const id of ids) await world.openAccount(id);
  return ids;
}
export const send = (world: World, ids: readonly string[], prefix: string) =>
  world.accept(
    ids.flatMap((id) => Array.from({ length: 20 }, (_, index) => eventOf(id, `${prefix}${index}`))),
  );
export const totals = async (world: World, ids: readonly string[]) => {
  const [row] = await world.query<{ records: number; total: number }>`
    select (select count(*) from usage_records where account_id = any(${ids})) as records,
      (select coalesce(sum(quantity), 0)::bigint from usage_totals where account_id = any(${ids})) as total`;
  return row;
};
