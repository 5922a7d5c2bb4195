import { expect, test } from "vitest";
import { createBatcher } from "./batcher.ts";

test("what comes during a run goes together in the next, at most so many at a time", async () => {
  const runs: number[][] = [];
  const first = Promise.withResolvers<void>();
  const add = createBatcher<number>({
    itemsMax: 3,
    run: async (items) => {
      runs.push([...items]);
      if (runs.length === 1) await first.promise;
    },
  });
  const lone = add(1);
  await expect.poll(() => runs).toEqual([[1]]);
  const later = [2, 3, 4, 5].map(add);
  first.resolve();
  await Promise.all([lone, ...later]);
  expect(runs).toEqual([[1], [2, 3, 4], [5]]);
  await add(6);
  expect(runs.at(-1)).toEqual([6]);
});

test("a run's error is that of all its items, and the next run is not touched by it", async () => {
  const add = createBatcher<number>({
    itemsMax: 2,
    run: async (items) => {
      if (items.includes(1)) throw new Error("no");
    },
  });
  const outcomes = await Promise.allSettled([1, 2, 3].map(add));
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});

test("where errors are isolated, an item that cannot be run fails alone", async () => {
  const done = new Set<number>();
  const add = createBatcher<number>({
    itemsMax: 100,
    run: async (items) => {
      if (items.includes(7)) throw new Error("poison");
      for (const item of items) done.add(item);
    },
    isolates: () => true,
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, item) => add(item)));
  expect(outcomes.flatMap(({ status }, item) => (status === "rejected" ? [item] : []))).toEqual([7]);
  expect(done.size).toBe(19);
});
