import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { HashedRows, IdHashes } from "./id-hashes.ts";
import type { IdSet } from "./id-set.ts";

/**
 * A blocked Bloom filter: an id's bits lie within one cache line, chosen by its first hash. Made once, from all of its
 * ids; kept as it lies in memory. One without words holds nothing.
 */
export type IdFilter = Uint32Array<ArrayBuffer>;

const bitsPerId = 12;
const probes = 8;
const blockWords = 16;
const wordsPerTurn = 2 ** 19;

/** The size of the filter of so many ids, in bytes. */
export const filterBytes = (ids: number): number => blocksOf(ids) * blockWords * 4;

const blocksOf = (ids: number): number => Math.ceil((ids * bitsPerId) / (blockWords * 32));

/** Makes the filter of a set of ids, which is not changed meanwhile; lets others run in between. */
export async function buildIdFilter({ count, slots }: IdSet): Promise<IdFilter> {
  const filter = new Uint32Array(blocksOf(count) * blockWords);
  for (let from = 0; from < slots.length; from += wordsPerTurn) {
    if (from > 0) await yieldToOthers();
    addAll(filter, slots.subarray(from, from + wordsPerTurn));
  }
  return filter;
}

function addAll(filter: IdFilter, slots: IdHashes): void {
  const scale = scaleOf(filter);
  for (let at = 0; at < slots.length; at += 2) {
    const first = slots[at] as number;
    let bits = slots[at + 1] as number;
    if ((first | bits) === 0) continue;
    const base = ((first * scale) | 0) * blockWords;
    for (let probe = 0; probe < probes; probe++) {
      const word = base + (bits >>> 28);
      filter[word] = (filter[word] as number) | (1 << (bits >>> 23));
      bits = nextBits(bits);
    }
  }
}

/** Those of the rows whose ids the filter may hold: all that it does, and one in 250 of the others. */
export function findHits<Row>(filter: IdFilter, { hashes, rows, order }: HashedRows<Row>): Row[] {
  const hits: Row[] = [];
  if (filter.length === 0) return hits;
  const scale = scaleOf(filter);
  for (let at = 0; at < hashes.length; at += 2) {
    const base = (((hashes[at] as number) * scale) | 0) * blockWords;
    let bits = hashes[at + 1] as number;
    let isSet = 1;
    // All of them, without a branch: one that is guessed wrong waits for memory, and with it all that follows.
    for (let probe = 0; probe < probes; probe++) {
      isSet &= (filter[base + (bits >>> 28)] as number) >>> (bits >>> 23);
      bits = nextBits(bits);
    }
    if (isSet === 1) hits.push(rows[order[at / 2] as number] as Row);
  }
  return hits;
}

/** What a hash of 2^32 is scaled to the blocks by; the product is exact below 2^21 of them, which is 90 million ids. */
const scaleOf = (filter: IdFilter): number => filter.length / blockWords / 0x1_0000_0000;

const nextBits = (bits: number): number => Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d);
