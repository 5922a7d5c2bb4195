import type { Body } from "./make-bodies.ts";

const HEX = Buffer.from("0123456789abcdef");
/** The two digits of each byte. */
const DIGITS = Buffer.alloc(512);
for (let byte = 0; byte < 256; byte++) {
  DIGITS[byte * 2] = HEX[byte >> 4] ?? 0;
  DIGITS[byte * 2 + 1] = HEX[byte & 15] ?? 0;
}

/** Another number for each number of 32 bits, and in no order: ids that fall anywhere in an index, none of them twice. */
function scatter(number: number): number {
  let mixed = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function writeHex(bytes: Buffer, at: number, number: number): void {
  for (let byte = 3, to = at; byte >= 0; byte--, to += 2) {
    const digits = ((number >>> (byte * 8)) & 255) * 2;
    bytes[to] = DIGITS[digits] ?? 0;
    bytes[to + 1] = DIGITS[digits + 1] ?? 0;
  }
}

/** Numbers ids, from one sequence for the whole run: each number is one id. */
export interface IdSource {
  next: number;
}

/** Writes the next id of a source at `at`. */
export const writeNextId = (bytes: Buffer, at: number, source: IdSource): void =>
  writeHex(bytes, at, scatter(source.next++));

/**
 * Gives a body new ids, in place; one event in `repeatEvery` (never in the body's first turn) keeps the one that it had,
 * and so repeats an event that was answered. @returns how many are new, and the sum of their quantities.
 */
export function renewIds(
  body: Body,
  source: IdSource,
  repeatEvery: number | null,
): { fresh: number; quantity: number } {
  const { bytes, idOffsets, quantities } = body;
  const turn = body.turns++;
  let fresh = 0;
  let quantity = 0;
  for (let place = 0; place < idOffsets.length; place++) {
    if (repeatEvery !== null && turn > 0 && (place + turn * 7) % repeatEvery === 0) continue;
    writeNextId(bytes, idOffsets[place] ?? 0, source);
    fresh++;
    quantity += quantities[place] ?? 0;
  }
  return { fresh, quantity };
}
