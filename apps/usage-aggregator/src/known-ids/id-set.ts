import type { HashedRows, IdHashes } from "./id-hashes.ts";

/** Of the slots; past it the set grows, so that a search passes few of them. */
const loadMax = 0.75;
const loadAfterGrowth = 0.55;
const slotsMin = 1024;

/**
 * The ids of a generation, by their hashes: each that was added is found, and of others none but by an accident of 64
 * bits. Hashes that come in their order, as a batch's do, walk through it once.
 */
export interface IdSet {
  readonly count: number;
  /** Two words for each slot, in the order of the first hash but for a few; both are zero where it is empty. */
  readonly slots: IdHashes;
  /** @returns how many of them were not in it. */
  add(hashes: IdHashes): number;
  has(first: number, second: number): boolean;
  clear(): void;
}

export function createIdSet(ids = 0): IdSet {
  let capacity = Math.max(slotsMin, Math.ceil(ids / loadAfterGrowth));
  let slots = new Uint32Array(2 * capacity);
  let count = 0;

  /** The slot's place in `slots`: where the id is, or an empty one. */
  function find(first: number, second: number): number {
    let slot = Math.floor((first / 0x1_0000_0000) * capacity);
    for (;;) {
      const found = slots[2 * slot] as number;
      const other = slots[2 * slot + 1] as number;
      if ((found | other) === 0 || (found === first && other === second)) return 2 * slot;
      if (++slot === capacity) slot = 0;
    }
  }

  function put(hashes: IdHashes): void {
    for (let at = 0; at < hashes.length; at += 2) {
      const first = hashes[at] as number;
      const second = hashes[at + 1] as number;
      if ((first | second) === 0) continue;
      const place = find(first, second);
      if (((slots[place] as number) | (slots[place + 1] as number)) !== 0) continue;
      slots[place] = first;
      slots[place + 1] = second;
      count++;
    }
  }

  function grow(ids: number): void {
    const before = slots;
    capacity = Math.ceil(ids / loadAfterGrowth);
    slots = new Uint32Array(2 * capacity);
    count = 0;
    put(before);
  }

  return {
    get count() {
      return count;
    },
    get slots() {
      return slots;
    },
    add: (hashes) => {
      const before = count;
      if (count + hashes.length / 2 > capacity * loadMax) grow(count + hashes.length / 2);
      put(hashes);
      return count - before;
    },
    has: (first, second) => {
      const place = find(first, second);
      return ((slots[place] as number) | (slots[place + 1] as number)) !== 0;
    },
    clear: () => {
      slots.fill(0);
      count = 0;
    },
  };
}

/** Whether the set may hold any of these rows' ids. */
export function hasAny(ids: IdSet, { hashes }: HashedRows<unknown>): boolean {
  for (let at = 0; at < hashes.length; at += 2)
    if (ids.has(hashes[at] as number, hashes[at + 1] as number)) return true;
  return false;
}
