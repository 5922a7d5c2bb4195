import type { UsageEvent } from "@driftlock/contracts";
import { decodeRows, rowBytesMax, writeRow } from "@driftlock/redis";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sortRows } from "./sort-rows.ts";

function rowsOf(ids: readonly string[]) {
  const events = ids.map(
    (id): UsageEvent => ({
      accountId: "a",
      id,
      metric: "events",
      quantity: 1,
      occurredAtMs: 0,
      receivedAtMs: 0,
      propertiesJson: null,
    }),
  );
  const data = Buffer.alloc(events.reduce((bytes, event) => bytes + rowBytesMax(event), 0));
  const end = events.reduce((at, event) => writeRow(data, at, event), 0);
  return decodeRows(data.subarray(0, end));
}

const sorted = (ids: readonly string[]) => sortRows(rowsOf(ids)).map(({ id }) => id);
const byBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));

test("in the order of their bytes, whatever ids begin with, however long, also repeated", () => {
  const part = fc.constantFrom("a", "b", "aaaaaaa", "-", "é", "🦊", "0001", "evt_");
  const id = fc.oneof(
    fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join("")),
    fc.uuid(),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => !text.includes("\0")),
  );
  fc.assert(
    fc.property(fc.array(id, { maxLength: 60 }), (ids) => {
      expect(sorted(ids)).toEqual([...ids].sort(byBytes));
    }),
  );
});

test("more rows than a key has places for are all there", () => {
  const ids = Array.from({ length: 70_000 }, (_, index) => `n${index}`);
  expect(new Set(sorted(ids)).size).toBe(70_000);
});
