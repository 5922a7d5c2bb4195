import { decodeRows, rowBytesMax, type StreamRow, writeRow } from "@driftlock/redis";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildIdFilter, filterBytes, findHits } from "./id-filter.ts";
import { hashRows } from "./id-hashes.ts";
import { createIdSet, hasAny } from "./id-set.ts";

function rowsOf(ids: readonly { accountId: string; id: string }[]): StreamRow[] {
  const events = ids.map((each) => ({
    ...each,
    metric: "events",
    quantity: 1,
    occurredAtMs: 0,
    receivedAtMs: 0,
    propertiesJson: null,
  }));
  const target = Buffer.alloc(events.reduce((sum, event) => sum + rowBytesMax(event), 0));
  return decodeRows(
    target.subarray(
      0,
      events.reduce((at, event) => writeRow(target, at, event), 0),
    ),
  );
}

const accountIds = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const ids = fc.record({
  accountId: fc.oneof(fc.constantFrom("a", "b"), accountIds),
  id: fc.string({ unit: "binary", minLength: 1, maxLength: 128 }),
});

test("a set, and the filter of it, hold every id that was added, in whatever batches and order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(ids)), async (batches) => {
      const set = createIdSet();
      let added = 0;
      for (const batch of batches) added += set.add(hashRows(rowsOf(batch)).hashes);
      const distinct = new Set(batches.flat().map(({ accountId, id }) => `${accountId} ${id}`));
      expect([set.count, added]).toEqual([distinct.size, distinct.size]);
      for (const id of batches.flat()) expect(hasAny(set, hashRows(rowsOf([id])))).toBe(true);
      const filter = await buildIdFilter(set);
      expect(filter.byteLength).toBe(filterBytes(set.count));
      const again = rowsOf(batches.flat().reverse());
      expect(new Set(findHits(filter, hashRows(again)))).toEqual(new Set(again));
    }),
  );
});

test("of other ids the filter takes less than one in a hundred for its own, and the set none, however alike they look", async () => {
  const numbered = (from: number, count: number) =>
    rowsOf(
      Array.from({ length: count }, (_, index) => ({
        accountId: `acct_${index % 7}`,
        id: `order-${String(from + index).padStart(9, "0")}`,
      })),
    );
  const set = createIdSet();
  set.add(hashRows(numbered(0, 100_000)).hashes);
  expect(set.count).toBe(100_000);
  expect(hasAny(set, hashRows(numbered(100_000, 100_000)))).toBe(false);
  const filter = await buildIdFilter(set);
  const hits = findHits(filter, hashRows(numbered(100_000, 100_000)));
  expect(hits.length).toBeGreaterThan(0);
  expect(hits.length).toBeLessThan(1_000);
});
