import { expect, test, vi } from "vitest";
import { createErrorLog } from "./error-log.ts";
import { createLogger } from "./index.ts";

test("a server that is away for an hour is a line a minute, and what is new is said at once", () => {
  const log = createLogger({ name: "test", level: "silent" });
  const warn = vi.spyOn(log, "warn");
  let nowMs = 0;
  const logError = createErrorLog({
    log,
    level: "warn",
    event: "redis.connection-lost",
    monotonicNow: () => nowMs,
  });

  for (; nowMs < 3_600_000; nowMs += 1_000) logError(new Error("connect ECONNREFUSED"));
  expect(warn).toHaveBeenCalledTimes(60);
  expect(warn).toHaveBeenLastCalledWith(
    expect.objectContaining({ err: expect.any(Error), unsaid: 59 }),
    "redis.connection-lost",
  );

  logError(new Error("LOADING Redis is loading the dataset in memory"), { tries: 2 });
  expect(warn).toHaveBeenCalledTimes(61);
  expect(warn.mock.lastCall?.[0]).toEqual({ err: expect.any(Error), tries: 2 });
});
