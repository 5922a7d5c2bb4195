import { readProcessUsage } from "./process-usage.ts";

export interface ProcessCost {
  cpuMicroseconds: number;
  residentBytesMax: number;
}

const SAMPLE_MS = 1_000;

/** Watches processes, several of a name taken together, from now on until `stop`; those that cannot be read are left out. */
export function watchProcesses(pids: Readonly<Record<string, readonly number[]>>) {
  const read = () =>
    Object.entries(pids).flatMap(([name, ofName]) => {
      const usages = ofName.map(readProcessUsage).filter((usage) => usage !== null);
      return usages.length === 0 || usages.length < ofName.length ? [] : [{ name, usages }];
    });
  const cpuOf = (usages: readonly { cpuMicroseconds: number }[]) =>
    usages.reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0);
  const first = new Map(read().map(({ name, usages }) => [name, cpuOf(usages)]));
  const costs: Record<string, ProcessCost> = {};
  const sample = () => {
    for (const { name, usages } of read()) {
      // Of several processes the largest: a bound on memory is one for each of them.
      const residentBytes = Math.max(...usages.map((usage) => usage.residentBytes));
      costs[name] = {
        cpuMicroseconds: cpuOf(usages) - (first.get(name) ?? 0),
        residentBytesMax: Math.max(residentBytes, costs[name]?.residentBytesMax ?? 0),
      };
    }
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    /** What they have used between the beginning and this moment. */
    stop(): Record<string, ProcessCost> {
      clearInterval(timer);
      sample();
      return costs;
    },
  };
}
