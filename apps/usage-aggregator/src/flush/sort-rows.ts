import type { StreamRow } from "@driftlock/redis";

const keyBytes = 6;
/** Of a key that is sorted: the row's place, and the six bytes above it. */
const keyParts = 4;
const placesMax = 2 ** 16;

/**
 * Rows of one account in the order of their ids' bytes, which is that of the index they go into. Sorted as integers:
 * six bytes behind what all ids begin with, and the row's place; where these bytes are the same, by the next six.
 */
export function sortRows(rows: readonly StreamRow[]): readonly StreamRow[] {
  if (rows.length < 2) return rows;
  if (rows.length <= placesMax) return sortBehind(rows, 0);
  const middle = rows.length >>> 1;
  return [...sortRows(rows.slice(0, middle)), ...sortRows(rows.slice(middle))];
}

function sortBehind(rows: readonly StreamRow[], known: number): readonly StreamRow[] {
  const skip = prefixBytes(rows, known);
  const keys = new BigUint64Array(rows.length);
  // Written and read as 16-bit parts, the highest last: no bigint is made.
  const parts = new Uint16Array(keys.buffer);
  for (let place = 0; place < rows.length; place++) {
    const { data, idStart, idEnd } = rows[place] as StreamRow;
    const at = idStart + skip;
    parts[place * keyParts] = place;
    parts[place * keyParts + 1] = readPart(data, at + 4, idEnd);
    parts[place * keyParts + 2] = readPart(data, at + 2, idEnd);
    parts[place * keyParts + 3] = readPart(data, at, idEnd);
  }
  keys.sort();
  const sorted: StreamRow[] = [];
  for (let at = 0; at < parts.length; at += keyParts) {
    const row = rows[parts[at] ?? 0];
    if (row !== undefined) sorted.push(row);
  }
  sortTies(sorted, parts, skip + keyBytes);
  return sorted;
}

/** Two bytes; zero past the id's end. */
const readPart = (data: Buffer, at: number, end: number): number =>
  at + 1 < end
    ? ((data[at] as number) << 8) | (data[at + 1] as number)
    : at < end
      ? (data[at] as number) << 8
      : 0;

/** Sorts on where keys are the same. Ids that end there are the same id: they stay as they are. */
function sortTies(sorted: StreamRow[], parts: Uint16Array, known: number): void {
  const isTie = (place: number) => {
    const at = place * keyParts;
    return (
      parts[at + 3] === parts[at - 1] && parts[at + 2] === parts[at - 2] && parts[at + 1] === parts[at - 3]
    );
  };
  for (let first = 0, place = 1; place <= sorted.length; place++) {
    if (place < sorted.length && isTie(place)) continue;
    if (place - first > 1) {
      const run = sorted.slice(first, place);
      if (run.some(({ idStart, idEnd }) => idEnd - idStart > known))
        sorted.splice(first, run.length, ...sortBehind(run, known));
    }
    first = place;
  }
}

/** How many bytes all ids begin with; `known` of them are known to. */
function prefixBytes([first, ...others]: readonly StreamRow[], known: number): number {
  if (first === undefined) return known;
  let end = first.idEnd - first.idStart;
  for (const { data, idStart, idEnd } of others) {
    end = Math.min(end, idEnd - idStart);
    let at = known;
    while (at < end && data[idStart + at] === first.data[first.idStart + at]) at++;
    end = at;
    if (end <= known) return known;
  }
  return end;
}
