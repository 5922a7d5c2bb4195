import type { UsageEvent } from "@driftlock/contracts";
import { quantityMax } from "@driftlock/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRows, rowBytesMax, type StreamRow, writeRow } from "./record.ts";

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 });
const instantMs = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2100, 0, 1) });
const event: fc.Arbitrary<UsageEvent> = fc.record({
  accountId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  metric: fc.constantFrom("events", "api_requests"),
  id: text,
  quantity: fc.integer({ min: 0, max: quantityMax }),
  occurredAtMs: instantMs,
  receivedAtMs: instantMs,
  propertiesJson: fc.option(text.map((value) => JSON.stringify({ key: value }))),
});

function encode(events: readonly UsageEvent[]): Buffer {
  const target = Buffer.alloc(events.reduce((room, each) => room + rowBytesMax(each), 0));
  return target.subarray(
    0,
    events.reduce((at, each) => writeRow(target, at, each), 0),
  );
}

const toEvent = (row: StreamRow): UsageEvent => ({
  accountId: row.accountId,
  metric: row.metric,
  id: row.id,
  quantity: row.quantity,
  occurredAtMs: row.occurredAtMs,
  receivedAtMs: row.receivedAtMs,
  propertiesJson: row.propertiesJson,
});

test("what is written is read, row by row", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (events) => {
      const data = encode(events);
      const rows = decodeRows(data);
      expect(rows.map(toEvent)).toEqual(events);
      expect(Buffer.concat(rows.map(({ bytes }) => bytes))).toEqual(data);
      for (const row of rows) expect(data.toString("utf8", row.idStart, row.idEnd)).toBe(row.id);
    }),
  );
});

test("a row that moves is the same where it lies then, and needs what it was read from no more", () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (events) => {
      const data = encode(events);
      const rows = decodeRows(data).toReversed();
      const target = Buffer.alloc(data.length + 3);
      let at = 3;
      for (const row of rows) at = row.moveTo(target, at);
      expect(at).toBe(target.length);
      data.fill(0);
      expect(rows.map(toEvent)).toEqual(events.toReversed());
      expect(decodeRows(target.subarray(3)).map(toEvent)).toEqual(events.toReversed());
      for (const row of rows) expect(target.toString("utf8", row.idStart, row.idEnd)).toBe(row.id);
    }),
  );
});

test("anything else is refused", () => {
  fc.assert(
    fc.property(event, fc.nat(), (written, cut) => {
      const data = encode([written]);
      expect(() => decodeRows(data.subarray(0, 1 + (cut % (data.length - 1))))).toThrow("not a row");
      expect(() => decodeRows(Buffer.concat([data, Buffer.from("x")]))).toThrow("not a row");
    }),
  );
  expect(() => decodeRows(Buffer.from('[["a","x","events",1,0,0,0,null]]'))).toThrow("not a row");
});
