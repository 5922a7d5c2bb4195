import type { IdFilter } from "./id-filter.ts";

/** The filters that this process holds, by partition and generation; the newest generations go first. */
export interface FilterMemory {
  find(partition: number, generation: number): IdFilter | undefined;
  /** Whether so many bytes of this generation fit, when filters of older ones give way. */
  hasRoom(generation: number, byteCount: number): boolean;
  put(partition: number, generation: number, filter: IdFilter): void;
  /** Lets go of all others. */
  retain(isWanted: (partition: number, generation: number) => boolean): void;
  readonly byteCount: number;
}

export function createFilterMemory(bytesMax: number): FilterMemory {
  const held: { partition: number; generation: number; filter: IdFilter }[] = [];
  const byKey = new Map<string, IdFilter>();
  let byteCount = 0;

  function release(index: number): void {
    const [gone] = held.splice(index, 1);
    if (gone === undefined) return;
    byKey.delete(keyOf(gone.partition, gone.generation));
    byteCount -= gone.filter.byteLength;
  }

  const hasRoom = (generation: number, wanted: number) =>
    held.reduce((sum, each) => sum + (each.generation < generation ? 0 : each.filter.byteLength), wanted) <=
    bytesMax;

  return {
    find: (partition, generation) => byKey.get(keyOf(partition, generation)),
    hasRoom,
    put: (partition, generation, filter) => {
      if (byKey.has(keyOf(partition, generation)) || !hasRoom(generation, filter.byteLength)) return;
      while (byteCount + filter.byteLength > bytesMax) {
        release(
          held.reduce(
            (oldest, each, index) =>
              each.generation < (held[oldest]?.generation ?? Infinity) ? index : oldest,
            0,
          ),
        );
      }
      held.push({ partition, generation, filter });
      byKey.set(keyOf(partition, generation), filter);
      byteCount += filter.byteLength;
    },
    retain: (isWanted) => {
      for (let index = held.length - 1; index >= 0; index--) {
        const each = held[index];
        if (each !== undefined && !isWanted(each.partition, each.generation)) release(index);
      }
    },
    get byteCount() {
      return byteCount;
    },
  };
}

const keyOf = (partition: number, generation: number): string => `${partition} ${generation}`;
