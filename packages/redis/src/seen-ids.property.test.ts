import fc from "fast-check";
import { expect, test } from "vitest";
import { RespWriter } from "./resp-writer.ts";
import { seenField, writeSeenField } from "./seen-ids.ts";

const account = fc.stringMatching(/^[a-z0-9_-]{1,60}$/);
const uuid = fc.uuid();
/** A UUID with one unit that is none of its own: a capital, a letter past "f", a byte's worth past ASCII, a moved hyphen. */
const nearlyUuid = fc
  .tuple(uuid, fc.nat(35), fc.constantFrom("A", "F", "g", "-", "é", "Ā", " ", "#"))
  .map(([id, at, unit]) => id.slice(0, at) + unit + id.slice(at + 1));
const id = fc.oneof(
  uuid,
  nearlyUuid,
  uuid.map((text) => text.toUpperCase()),
  fc.string({ minLength: 1, maxLength: 120, unit: "grapheme" }),
  // What a packed id's bytes would look like as text.
  uuid.map((text) => Buffer.from(text.replaceAll("-", ""), "hex").toString("latin1")),
);
const identity = fc.record({ accountId: account, id });

const argumentOf = (event: { accountId: string; id: string }): Buffer => {
  const call = new RespWriter(8);
  writeSeenField(call, event);
  const written = call.written();
  const start = written.indexOf("\r\n") + 2;
  const length = Number(written.toString("latin1", 1, start - 2));
  expect(written.length).toBe(start + length + 2);
  expect(written.toString("latin1", start + length)).toBe("\r\n");
  return Buffer.from(written.subarray(start, start + length));
};

test("two events have the same field only where account and id are the same", () => {
  fc.assert(
    fc.property(fc.array(identity, { minLength: 2, maxLength: 40 }), (events) => {
      const fields = new Set(events.map((event) => seenField(event).toString("latin1")));
      const identities = new Set(events.map(({ accountId, id: eventId }) => `${accountId}\n${eventId}`));
      expect(fields.size).toBe(identities.size);
    }),
  );
});

test("a call's argument is the field, whatever the id is made of", () => {
  fc.assert(
    fc.property(identity, (event) => {
      expect(argumentOf(event).equals(seenField(event))).toBe(true);
    }),
  );
});

test.each([
  ["0195e0aa-7b1c-7c3e-9d5f-0123456789ab", "acme#".length + 16],
  ["0195E0AA-7B1C-7C3E-9D5F-0123456789AB", "acme ".length + 36],
  ["0195e0aa-7b1c-7c3e-9d5f_0123456789ab", "acme ".length + 36],
  ["order-1", "acme order-1".length],
  ["x".repeat(100), "#".length + 22],
])("%s takes %d bytes", (eventId, bytes) => {
  expect(seenField({ accountId: "acme", id: eventId })).toHaveLength(bytes);
});
