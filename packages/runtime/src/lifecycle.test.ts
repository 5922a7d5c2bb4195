import { expect, test } from "vitest";
import { Lifecycle } from "./index.ts";

test("what was opened last is released first, after the signal", async () => {
  const life = new Lifecycle();
  const seen: string[] = [];
  life.signal.addEventListener("abort", () => seen.push("signal"));
  life.own("pool", "pool", (name) => seen.push(name));
  life.own("worker", "worker", async (name) => seen.push(name));
  await life.close();
  expect(seen).toEqual(["signal", "worker", "pool"]);
});

test("a release that fails is named and does not keep the others from closing", async () => {
  const life = new Lifecycle();
  const seen: string[] = [];
  life.own("pool", 1, () => seen.push("pool"));
  life.own("worker", 1, () => Promise.reject(new Error("jammed")));
  const error: unknown = await life.close().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AggregateError);
  expect(error).toMatchObject({
    message: '"worker" did not close',
    errors: [{ cause: { message: "jammed" } }],
  });
  expect(seen).toEqual(["pool"]);
});

test("one deadline holds for all releases, and what it left open is named", async () => {
  const life = new Lifecycle();
  life.own("pool", 1, () => {});
  life.own("worker", 1, () => new Promise(() => {}));
  await expect(life.close(10)).rejects.toThrow('"worker" was not closed within 10 ms; "pool" was left open');
});

test("closing twice releases once, and nothing is owned any more afterwards", async () => {
  const life = new Lifecycle();
  let released = 0;
  life.own("pool", 1, () => released++);
  await Promise.all([life.close(), life.close()]);
  expect(released).toBe(1);
  expect(() => life.own("late", 1, () => {})).toThrow("the process is stopping");
});
