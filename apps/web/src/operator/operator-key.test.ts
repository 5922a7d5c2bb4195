import { expect, test } from "vitest";
import { createOperatorKey } from "./operator-key.ts";

test("the key is kept in the storage it is given, told of, and forgotten", () => {
  const kept = new Map<string, string>();
  const key = createOperatorKey({
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  });
  const seen: (string | null)[] = [];
  const stop = key.subscribe(() => seen.push(key.read()));
  key.keep("dlk_test_one");
  key.forget();
  stop();
  key.keep("dlk_test_two");
  expect(seen).toEqual(["dlk_test_one", null]);
  expect(key.read()).toBe("dlk_test_two");
});
