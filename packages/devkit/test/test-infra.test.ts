import { Redis } from "ioredis";
import pg from "pg";
import { expect, test } from "vitest";
import {
  createTestDatabase,
  createTestRedis,
  startPrivatePostgres,
  startPrivateRedis,
} from "../src/index.ts";

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test("two test databases do not see each other, and are gone after drop", async () => {
  const [one, two] = await Promise.all([
    createTestDatabase({ isMigrated: false }),
    createTestDatabase({ isMigrated: false }),
  ]);
  await query(one.url, "create table mine (id int)");
  await expect(query(two.url, "select * from mine")).rejects.toThrow("does not exist");
  await Promise.all([one.drop(), two.drop()]);
  await expect(query(one.url, "select 1")).rejects.toThrow("does not exist");
});

test("a migrated test database has the tables", async () => {
  await using stack = new AsyncDisposableStack();
  const database = await createTestDatabase();
  stack.defer(() => database.drop());
  expect(await query(database.url, "select to_regclass('subscription_plans')::text as name")).toEqual([
    { name: "subscription_plans" },
  ]);
});

test("two test Redis databases do not see each other, and one is empty when it is handed out again", async () => {
  const [one, two] = await Promise.all([createTestRedis(), createTestRedis()]);
  const redisOne = new Redis(one.url);
  const redisTwo = new Redis(two.url);
  await redisOne.set("key", "value");
  expect(await redisTwo.get("key")).toBeNull();
  await one.drop();
  expect(await redisOne.get("key")).toBeNull();
  redisOne.disconnect();
  redisTwo.disconnect();
  await two.drop();
});

test("a private Redis keeps its data over a restart, with AOF and noeviction", async () => {
  const server = await startPrivateRedis();
  const redis = new Redis(server.url);
  redis.on("error", () => {});
  expect(await redis.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
  expect(await redis.config("GET", "appendonly")).toEqual(["appendonly", "yes"]);
  await redis.set("key", "value");
  await server.stop();
  await server.start();
  expect(await redis.get("key")).toBe("value");
  redis.disconnect();
  await server.close();
});

test("a private Postgres keeps what was committed over a kill -9", async () => {
  const server = await startPrivatePostgres();
  await query(server.url, "create table kept as select 42 as answer");
  await server.kill();
  await server.start();
  expect(await query(server.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  await server.close();
});
