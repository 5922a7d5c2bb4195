import fc from "fast-check";
import { expect, test } from "vitest";
import { parseInstant } from "./parse-instant.ts";

test("every instant that JavaScript writes is read, with and without milliseconds", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true }), (date) => {
      const text = date.toISOString();
      expect(parseInstant(text)).toBe(date.getTime());
      const seconds = `${text.slice(0, 19)}Z`;
      expect(parseInstant(seconds)).toBe(Math.floor(date.getTime() / 1000) * 1000);
      expect(parseInstant(`${text.slice(0, -1)}+00:00`)).toBe(date.getTime());
      expect(parseInstant(text.toLowerCase())).toBe(date.getTime());
    }),
  );
});

test.each([
  "2026-02-30T00:00:00Z",
  "2026-02-29T00:00:00.000Z",
  "2026-13-01T00:00:00Z",
  "2026-00-01T00:00:00Z",
  "2026-01-00T00:00:00Z",
  "2026-01-01T25:00:00Z",
  "2026-01-01T00:60:00Z",
  "2026-01-01T00:00:61Z",
  "2026-01-01T00:00:0aZ",
  "2026-01-01T00:00:00.0 0Z",
  "2026-01-01 00:00:00",
  "2026-1-01T00:00:00Z",
  "yesterday",
])("%s is no instant", (text) => {
  expect(parseInstant(text)).toBeNull();
});
