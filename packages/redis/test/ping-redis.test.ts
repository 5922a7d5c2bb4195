import { expect, test } from "vitest";
import { createRedis, pingRedis } from "../src/index.ts";

test("a Redis that is away is said in words for an operator", async () => {
  const redis = createRedis({
    url: "redis://127.0.0.1:1",
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
  await expect(pingRedis(redis)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: "Redis cannot be reached; try again.",
    cause: { message: "no connection" },
  });
  redis.disconnect();
});
