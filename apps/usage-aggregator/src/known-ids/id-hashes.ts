import type { StreamRow } from "@driftlock/redis";

/**
 * What ids are known by: two 32-bit hashes over the bytes of account and event id, interleaved; never both zero. They are
 * stored within filters: another function needs another table of filters.
 */
export type IdHashes = Uint32Array;

const orderBits = 10;

export interface HashedRows<Row> {
  hashes: IdHashes;
  rows: readonly Row[];
  /** The places in `rows` of those that the hashes are of. */
  order: Uint32Array;
}

/**
 * The hashes of these rows' ids. They come roughly in the order of the first hash, which is the order of every filter's
 * blocks: a batch then walks through a filter once, where each id alone would wait for memory.
 */
export function hashRows(rows: readonly StreamRow[]): HashedRows<StreamRow> {
  const hashes = new Uint32Array(rows.length * 2);
  const seed = new Uint32Array(2);
  let accountId: string | null = null;
  // One object for all: a batch has thirty thousand ids.
  const id = { data: noBytes, start: 0, end: 0, seed };
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as StreamRow;
    const { data, start } = row;
    if (row.accountId !== accountId) {
      accountId = row.accountId;
      // The tuple begins with its count of fields and the length of the first, which is the account.
      seedByAccount(seed, data, start + 6, start + 6 + data.readInt32BE(start + 2));
    }
    id.data = data;
    id.start = row.idStart;
    id.end = row.idEnd;
    hashId(hashes, index, id);
  }
  return inOrder(hashes, rows);
}

const noBytes: Buffer = Buffer.alloc(0);

/** By the first hash's high bits. */
function inOrder<Row>(hashes: IdHashes, rows: readonly Row[]): HashedRows<Row> {
  const starts = new Uint32Array(2 ** orderBits + 1);
  for (let at = 0; at < hashes.length; at += 2) {
    const group = ((hashes[at] as number) >>> (32 - orderBits)) + 1;
    starts[group] = (starts[group] as number) + 1;
  }
  for (let group = 1; group < starts.length; group++)
    starts[group] = (starts[group] as number) + (starts[group - 1] as number);
  const ordered = { hashes: new Uint32Array(hashes.length), rows, order: new Uint32Array(rows.length) };
  for (let at = 0; at < hashes.length; at += 2) {
    const first = hashes[at] as number;
    const place = starts[first >>> (32 - orderBits)] as number;
    starts[first >>> (32 - orderBits)] = place + 1;
    ordered.hashes[place * 2] = first;
    ordered.hashes[place * 2 + 1] = hashes[at + 1] as number;
    ordered.order[place] = at / 2;
  }
  return ordered;
}

/** Prepares `seed` for the ids of an account. */
export function seedByAccount(seed: IdHashes, data: Buffer, start: number, end: number): void {
  seed[0] = 0x517cc1b7;
  seed[1] = 0x27220a95;
  hashId(seed, 0, { data, start, end, seed });
}

/**
 * Writes the hashes of one id of the account that `seed` was prepared for: multiply and fold, four bytes at a time in
 * two lanes, and the finish of MurmurHash3.
 */
export function hashId(
  target: IdHashes,
  index: number,
  { data, start, end, seed }: { data: Buffer; start: number; end: number; seed: IdHashes },
): void {
  let first = (seed[0] as number) ^ (end - start);
  let second = seed[1] as number;
  let from = start;
  for (; from + 4 <= end; from += 4) {
    const word = data.readInt32LE(from);
    first = Math.imul(first ^ word, 0x9e3779b1);
    first ^= first >>> 15;
    second = Math.imul(second ^ word, 0x85ebca6b);
    second ^= second >>> 13;
  }
  let rest = 0;
  for (; from < end; from++) rest = (rest << 8) | data.readUInt8(from);
  first = finish(Math.imul(first ^ rest, 0x9e3779b1));
  second = finish(Math.imul(second ^ rest, 0xc2b2ae35));
  target[index * 2] = first;
  target[index * 2 + 1] = (first | second) === 0 ? 1 : second;
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
