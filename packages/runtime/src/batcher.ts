import { setImmediate as nextTurn } from "node:timers/promises";

interface BatcherOptions<Item> {
  /** Items of one run at most. */
  itemsMax: number;
  run(items: readonly Item[]): Promise<void>;
  /**
   * Whether a run that failed like this is repeated in halves, down to the items that fail alone; `run` must bear
   * that. (Default: never, and all items of a run share its error.)
   */
  isolates?(error: unknown): boolean;
}

interface Entry<Item> {
  item: Item;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Runs together what comes together, one run at a time: what comes during a run waits for the next, so that runs grow
 * with the load and a lone item waits for nobody. An item's promise settles as the run that held it does.
 */
export function createBatcher<Item>(options: BatcherOptions<Item>): (item: Item) => Promise<void> {
  const { itemsMax, run, isolates = () => false } = options;
  const waiting: Entry<Item>[] = [];
  let isRunning = false;

  async function runWaiting(): Promise<void> {
    await nextTurn(); // what else is read in this turn of the event loop comes along
    while (waiting.length > 0) await settle(waiting.splice(0, itemsMax));
    isRunning = false;
  }

  async function settle(entries: readonly Entry<Item>[]): Promise<void> {
    try {
      await run(entries.map(({ item }) => item));
      for (const { resolve } of entries) resolve();
    } catch (error) {
      if (entries.length === 1 || !isolates(error)) {
        for (const { reject } of entries) reject(error);
        return;
      }
      const middle = Math.ceil(entries.length / 2);
      await settle(entries.slice(0, middle));
      await settle(entries.slice(middle));
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isRunning) return;
      isRunning = true;
      void runWaiting();
    });
}
