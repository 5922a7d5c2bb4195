import { rm } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "@driftlock/db";
import { type PrivateServer, startPrivateRedis, startTestApp } from "@driftlock/devkit";
import { readBacklog } from "@driftlock/redis";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { type Gateway, openGateway } from "../helpers.ts";

const stack: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of stack.splice(0).reverse()) await close();
});

const producers = 8;
const batchSize = 50;
/** Answers before Redis dies. */
const batchesMin = 60;

/** A gateway and an aggregator of their own process over a Redis that dies. */
async function openSystem(level: string) {
  const server = await startPrivateRedis();
  stack.push(() => server.close());
  const gateway = await openGateway({ REDIS_URL: server.url, USAGE_DURABILITY: level });
  stack.push(() => gateway.close());
  const aggregator = await startTestApp("usage-aggregator", {
    DATABASE_URL: gateway.databaseUrl,
    REDIS_URL: server.url,
    STRIPE_API_URL: gateway.simulator.url,
    STRIPE_SECRET_KEY: "sk_test_aggregator",
    DRIFTLOCK_MODE: "simulator",
    AGGREGATOR_OPS_PORT: "0",
  });
  stack.push(async () => {
    aggregator.kill("SIGKILL");
    await aggregator.exited;
  });
  const redis = new Redis(server.url).on("error", () => {});
  stack.push(() => redis.disconnect());
  await redis.ping();
  return { server, gateway, redis };
}

/** Pushes until Redis is gone, and sends nothing again. @returns the ids that were acknowledged. */
async function pushUntilDeath(
  gateway: Gateway,
  { server, account }: { server: PrivateServer; account: string },
) {
  const acknowledged: string[] = [];
  let batches = 0;
  const death: Promise<void>[] = [];
  const push = async (producer: number): Promise<void> => {
    for (let batch = 0; ; batch++) {
      const ids = Array.from({ length: batchSize }, (_, index) => `${producer}-${batch}-${index}`);
      const { status, body } = await gateway.request("POST", "/billing/usage", {
        bearer: gateway.serviceKey,
        body: ids.map((id) => ({ id, accountId: account, metric: "api_requests" })),
      });
      if (status !== 202) return;
      expect(body).toMatchObject({ accepted: batchSize });
      acknowledged.push(...ids);
      if (++batches === batchesMin) death.push(server.kill());
    }
  };
  await Promise.all(Array.from({ length: producers }, (_, producer) => push(producer)));
  await Promise.all(death);
  return acknowledged;
}

async function findLost(gateway: Gateway, redis: Redis, account: string, acknowledged: readonly string[]) {
  await expect
    .poll(
      () =>
        readBacklog(redis, 4)
          .then((entries) => entries.every((count) => count === 0))
          .catch(() => false),
      {
        timeout: 20_000,
      },
    )
    .toBe(true);
  const rows = await gateway.db.rows<{ id: string }>(
    "test.storedIds",
    sql`select event_id as id from usage_records where account_id = ${account}`,
  );
  const stored = new Set(rows.map(({ id }) => id));
  expect(stored.size).toBe(rows.length);
  return acknowledged.filter((id) => !stored.has(id));
}

// kill -9 leaves what Redis had written to the kernel: only the loss of the machine takes what was not synced, and that
// no test can do. The loss of its file is what a destroyed disk, or a failover to an empty replica, comes to.
test.for([
  { level: "redis", survives: { kill: false, destruction: false } },
  { level: "fsync", survives: { kill: true, destruction: false } },
  { level: "committed", survives: { kill: true, destruction: true } },
])("$level: what acknowledged usage is lost with Redis", { timeout: 90_000 }, async ({ level, survives }) => {
  const { server, gateway, redis } = await openSystem(level);
  const [, folder = ""] = (await redis.config("GET", "dir")) as string[];
  for (const death of ["kill", "destruction"] as const) {
    const account = await gateway.openAccount();
    const acknowledged = await pushUntilDeath(gateway, { server, account });
    if (death === "destruction") await rm(join(folder, "appendonlydir"), { recursive: true });
    await server.start();
    await expect.poll(() => redis.ping().catch(() => ""), { timeout: 10_000 }).toBe("PONG");
    const lost = await findLost(gateway, redis, account, acknowledged);
    process.stdout.write(
      `USAGE_DURABILITY=${level}, ${death} of Redis: ${lost.length} of ${acknowledged.length} acknowledged events lost\n`,
    );
    expect(acknowledged.length).toBeGreaterThanOrEqual(batchesMin * batchSize);
    if (survives[death]) expect(lost).toEqual([]);
  }
});
