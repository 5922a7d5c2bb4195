import { expect, test, vi } from "vitest";
import { createLogger, createTicker } from "./index.ts";

const eventually = <T>(fact: () => T) => vi.waitFor(fact, { timeout: 10_000 });
const log = createLogger({ name: "test", level: "silent" });

test("runs do not overlap, and a failed one is followed by the next", async () => {
  let running = 0;
  let runs = 0;
  const ticker = createTicker({
    name: "t",
    intervalMs: 1,
    log,
    run: async () => {
      expect(++running).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (++runs === 1) throw new Error("once");
    },
  });
  await eventually(() => expect(runs).toBeGreaterThan(2));
  await ticker.close();
});

test("closing aborts the run under way and waits for it", async () => {
  let isDone = false;
  const ticker = createTicker({
    name: "t",
    intervalMs: 60_000,
    log,
    run: async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      isDone = true;
    },
  });
  await ticker.close();
  expect(isDone).toBe(true);
});

test("a nudge runs it at once, also one that comes during a run", async () => {
  let runs = 0;
  const ticker = createTicker({
    name: "t",
    intervalMs: 60_000,
    log,
    run: async () => {
      if (++runs === 2) ticker.nudge();
    },
  });
  await eventually(() => expect(runs).toBe(1));
  ticker.nudge();
  await eventually(() => expect(runs).toBe(3));
  await ticker.close();
});
