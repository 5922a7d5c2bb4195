import { startPrivateRedis } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { openGateway } from "../helpers.ts";

test("with Redis away usage is 503 with Retry-After, and goes on when it is back", async () => {
  const redis = await startPrivateRedis();
  const lonely = await openGateway({ REDIS_URL: redis.url });
  const id = await lonely.openAccount();
  const bearer = await lonely.addKey(["usage:write", "billing:read"], id);
  const send = () =>
    lonely.request("POST", "/billing/usage", { bearer, body: { id: "r", metric: "events" } });
  expect((await send()).status).toBe(202);
  await redis.kill();
  const refused = await send();
  expect(refused).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await redis.start();
  await expect.poll(async () => (await send()).body.outcome, { timeout: 10_000 }).toBe("duplicate");
  await lonely.close();
  await redis.close();
});
