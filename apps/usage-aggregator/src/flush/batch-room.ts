/** How many batches a process holds in memory at a time, whatever waits in its partitions' streams. */
export interface BatchRoom {
  /** Resolves when there is room, in the order of asking. */
  enter(): Promise<BatchPlace>;
}

/** Where one batch is in memory. */
export interface BatchPlace {
  /**
   * Room for the batch's tuples, to be asked for once. Used again by the batches that come after: what is allocated by the
   * megabyte and let go of stays until V8 collects it (ADR 0035).
   */
  take(bytes: number): Buffer;
  /** To be called once, when the batch is gone. Without `isWritten` its bytes may still wait to be sent: nobody gets them. */
  leave(isWritten?: boolean): void;
}

export function createBatchRoom(batchesMax: number): BatchRoom {
  const waiting: ((buffer: Buffer) => void)[] = [];
  const free = Array.from({ length: batchesMax }, () => noRoom);

  function placeIn(kept: Buffer): BatchPlace {
    let buffer = kept;
    return {
      take: (bytes) => {
        if (buffer.length < bytes) buffer = Buffer.allocUnsafeSlow(bytes);
        return buffer.subarray(0, bytes);
      },
      leave: (isWritten = false) => {
        const left = isWritten ? buffer : noRoom;
        const next = waiting.shift();
        if (next === undefined) free.push(left);
        else next(left);
      },
    };
  }

  return {
    enter: async () => placeIn(free.pop() ?? (await new Promise<Buffer>((resolve) => waiting.push(resolve)))),
  };
}

const noRoom: Buffer = Buffer.alloc(0);
