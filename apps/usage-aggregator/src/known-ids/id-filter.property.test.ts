import { decodeRows, rowBytesMax, type StreamRow, writeRow } from "@driftlock/redis";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildIdFilter, filterBytes, findHits } from "./id-filter.ts";
import { createIdHashLog, hashRows } from "./id-hashes.ts";

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

test("a filter holds every id that it was made of, in whatever batches and order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(ids)), async (batches) => {
      const log = createIdHashLog();
      for (const batch of batches) log.append(hashRows(rowsOf(batch)).hashes);
      expect(log.count).toBe(batches.flat().length);
      const filter = await buildIdFilter(log);
      expect(filter.byteLength).toBe(filterBytes(log.count));
      const again = rowsOf(batches.flat().reverse());
      expect(new Set(findHits(filter, hashRows(again)))).toEqual(new Set(again));
    }),
  );
});

test("of other ids it takes less than one in a hundred for its own, however alike they look", async () => {
  const numbered = (from: number, count: number) =>
    rowsOf(
      Array.from({ length: count }, (_, index) => ({
        accountId: `acct_${index % 7}`,
        id: `order-${String(from + index).padStart(9, "0")}`,
      })),
    );
  const log = createIdHashLog();
  log.append(hashRows(numbered(0, 100_000)).hashes);
  const filter = await buildIdFilter(log);
  const hits = findHits(filter, hashRows(numbered(100_000, 100_000)));
  expect(hits.length).toBeGreaterThan(0);
  expect(hits.length).toBeLessThan(1_000);
});
