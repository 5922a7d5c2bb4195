import type { StreamRow } from "@driftlock/redis";

const keyBytes = 6;
const indexes = 2 ** 16;

/**
 * Rows of one account in the order of their ids' bytes, which is that of the index they go into. Sorted as integers:
 * six bytes behind what all ids begin with, and the row's place; where these bytes are the same, by the next six.
 */
export function sortRows(rows: readonly StreamRow[]): readonly StreamRow[] {
  if (rows.length < 2) return rows;
  if (rows.length <= indexes) return sortBehind(rows, 0);
  const middle = rows.length >>> 1;
  return [...sortRows(rows.slice(0, middle)), ...sortRows(rows.slice(middle))];
}

function sortBehind(rows: readonly StreamRow[], known: number): readonly StreamRow[] {
  const skip = prefixBytes(rows, known);
  const keys = new BigUint64Array(rows.length);
  // Three 16-bit parts of the id above the row's place, written and read without making a bigint.
  const parts = new Uint16Array(keys.buffer);
  for (let index = 0; index < rows.length; index++) {
    const { data, idStart, idEnd } = rows[index]!;
    const at = idStart + skip;
    const part = (offset: number) =>
      at + offset + 1 < idEnd
        ? (data[at + offset]! << 8) | data[at + offset + 1]!
        : at + offset < idEnd
          ? data[at + offset]! << 8
          : 0;
    parts[index * 4 + 3] = part(0);
    parts[index * 4 + 2] = part(2);
    parts[index * 4 + 1] = part(4);
    parts[index * 4] = index;
  }
  keys.sort();
  const sorted = new Array<StreamRow>(rows.length);
  for (let place = 0; place < rows.length; place++) sorted[place] = rows[parts[place * 4]!]!;
  sortTies(sorted, parts, skip + keyBytes);
  return sorted;
}

/** Sorts on where keys are the same. A repeated id, or one that ends there, stays where it is. */
function sortTies(sorted: StreamRow[], parts: Uint16Array, known: number): void {
  const isTie = (place: number) =>
    parts[place * 4 + 3] === parts[place * 4 - 1] &&
    parts[place * 4 + 2] === parts[place * 4 - 2] &&
    parts[place * 4 + 1] === parts[place * 4 - 3];
  for (let first = 0, place = 1; place <= sorted.length; place++) {
    if (place < sorted.length && isTie(place)) continue;
    if (place - first > 1) {
      const run = sorted.slice(first, place);
      if (run.some(({ idStart, idEnd }) => idEnd - idStart > known))
        for (const [offset, row] of sortBehind(run, known).entries()) sorted[first + offset] = row;
    }
    first = place;
  }
}

/** How many bytes all ids begin with; `known` of them are known to. */
function prefixBytes(rows: readonly StreamRow[], known: number): number {
  const first = rows[0]!;
  let end = first.idEnd - first.idStart;
  for (let index = 1; index < rows.length && end > known; index++) {
    const { data, idStart, idEnd } = rows[index]!;
    end = Math.min(end, idEnd - idStart);
    let at = known;
    while (at < end && data[idStart + at] === first.data[first.idStart + at]) at++;
    end = at;
  }
  return Math.max(end, known);
}
