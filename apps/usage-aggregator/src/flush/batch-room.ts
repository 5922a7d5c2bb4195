/** How many batches a process holds in memory at a time, whatever waits in its partitions' streams. */
export interface BatchRoom {
  /** Resolves when there is room, in the order of asking; what it gives is to be called once, when the batch is gone. */
  enter(): Promise<() => void>;
}

export function createBatchRoom(batchesMax: number): BatchRoom {
  const waiting: (() => void)[] = [];
  let free = batchesMax;
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  };
  return {
    enter: async () => {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return leave;
    },
  };
}
