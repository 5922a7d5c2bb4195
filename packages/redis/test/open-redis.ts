import { createTestRedis } from "@driftlock/devkit";
import { afterAll, beforeEach } from "vitest";
import { createRedis, type RedisClient } from "../src/index.ts";

/** A Redis of the test file's own, empty before each test. */
export async function openRedis(): Promise<RedisClient> {
  const server = await createTestRedis();
  const redis = createRedis({
    url: server.url,
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
  beforeEach(async () => void (await redis.flushdb()));
  afterAll(async () => {
    redis.disconnect();
    await server.drop();
  });
  return redis;
}
