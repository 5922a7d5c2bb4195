import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalProperties } from "./properties.ts";

const scalar = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const key = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("__proto__", "2", "10", "a"),
);
const members = fc.uniqueArray(fc.tuple(key, scalar), {
  minLength: 1,
  maxLength: 20,
  selector: ([name]) => name,
});
const isStorable = (text: unknown) =>
  typeof text !== "string" || (text.isWellFormed() && !text.includes("\u0000"));

test("properties are the same text in whatever order they come, with every key, or are refused", () => {
  fc.assert(
    fc.property(members, (entries) => {
      const parse = (list: typeof entries) =>
        JSON.parse(
          `{${list.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`,
        );
      const json = canonicalProperties(parse(entries));
      expect(canonicalProperties(parse([...entries].reverse()))).toEqual(json);
      const sorted = [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
      const text = `{${sorted.map((pair) => pair.map((part) => JSON.stringify(part)).join(":")).join(",")}}`;
      const areStorable = entries.flat().every(isStorable);
      expect(json).toEqual(areStorable ? text : { fault: expect.stringContaining("not valid Unicode text") });
    }),
  );
});

test.each([[[]], ["text"], [null], [{ a: {} }], [{ a: [1] }], [{ a: Number.POSITIVE_INFINITY }]])(
  "%j is refused",
  (properties) => {
    expect(canonicalProperties(properties)).toMatchObject({ fault: expect.any(String) });
  },
);

test("20 keys and 2,048 bytes are the most", () => {
  const keysOf = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));
  expect(typeof canonicalProperties(keysOf(20))).toBe("string");
  expect(canonicalProperties(keysOf(21))).toHaveProperty("fault");
  expect(typeof canonicalProperties({ a: "é".repeat(1_020) })).toBe("string");
  expect(canonicalProperties({ a: "é".repeat(1_021) })).toHaveProperty("fault");
  expect(canonicalProperties({})).toBeNull();
});
