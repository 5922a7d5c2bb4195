import { beforeEach, expect, test } from "vitest";
import { createRedis } from "../src/index.ts";
import type { RespWriter } from "../src/resp-writer.ts";
import { loadWrittenScript } from "../src/script-call.ts";
import { openRedis } from "./open-redis.ts";

const stream = "{script-call}stream";
const redis = await openRedis();
beforeEach(async () => void (await redis.xadd(stream, "5-1", "d", "x")));

function write(script: ReturnType<typeof loadWrittenScript>): RespWriter {
  const call = script.begin(2);
  call.text("1");
  call.text(stream);
  return call;
}

test("a call's buffer is used again once it is answered, by a server that did not know the script too", async () => {
  const script = loadWrittenScript("read-oldest");
  await redis.script("FLUSH");
  const first = write(script);
  expect(await script.send(redis, first, [stream])).toBe("5-1");
  const second = write(script);
  expect(second).toBe(first);
  const third = write(script);
  expect(third).not.toBe(second);
  expect(
    await Promise.all([script.send(redis, second, [stream]), script.send(redis, third, [stream])]),
  ).toEqual(["5-1", "5-1"]);
});

test("after a failure it is not: what was written may still wait to be sent", async () => {
  const script = loadWrittenScript("read-oldest");
  const away = createRedis({
    url: "redis://127.0.0.1:1",
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
  const failed = write(script);
  await expect(script.send(away, failed, [stream])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  away.disconnect();
  expect(write(script)).not.toBe(failed);
});
