/** Lets at most `atOnceMax` pieces of work run at a time; the rest wait in the order in which they came. */
export function createTurns(atOnceMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < atOnceMax) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Handed over, so that nobody comes in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
