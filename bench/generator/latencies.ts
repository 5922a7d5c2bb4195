/** Collects latencies in milliseconds, each one of them, so that a percentile is exact. */
export interface Latencies {
  add(ms: number): void;
  /** The percentile (0 to 100), or null of nothing. */
  percentile(of: number): number | null;
}

export function createLatencies(): Latencies {
  let values = new Float64Array(65_536);
  let count = 0;
  let isSorted = true;
  return {
    add(ms) {
      if (count === values.length) {
        const larger = new Float64Array(count * 2);
        larger.set(values);
        values = larger;
      }
      values[count++] = ms;
      isSorted = false;
    },
    percentile(of) {
      if (!isSorted) values.subarray(0, count).sort();
      isSorted = true;
      return count === 0 ? null : (values[Math.min(count - 1, Math.floor((count * of) / 100))] ?? null);
    },
  };
}
