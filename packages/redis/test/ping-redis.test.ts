import { createTestRedis } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { createRedis, pingRedis } from "../src/index.ts";

async function ping(url: string): Promise<void> {
  const redis = createRedis({
    url,
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
  await pingRedis(redis).finally(() => redis.disconnect());
}

test("a Redis that is away is said in words for an operator", async () => {
  await expect(ping("redis://127.0.0.1:1")).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: "Redis cannot be reached; try again.",
    cause: { message: "no connection" },
  });
});

test("a Redis that has another password is no fault of the caller's request", async () => {
  const server = await createTestRedis();
  const url = new URL(server.url);
  url.password = "another";
  await expect(ping(url.href)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    cause: { message: expect.stringMatching(/^WRONGPASS/) },
  });
  await server.drop();
});
