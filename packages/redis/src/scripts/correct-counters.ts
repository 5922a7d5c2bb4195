import type { RedisClient } from "../connection.ts";
import { counterField, keys } from "../keys.ts";
import { loadScript } from "../script.ts";
import type { StreamPosition } from "./seed-counters.ts";

/** What one batch counted for an account at acceptance and did not store. */
export interface CounterCorrection {
  accountId: string;
  /** The batch's end. */
  position: StreamPosition;
  /** Where a `max`, `last` or `unique` is among them, which only building anew can mend. */
  isRebuild: boolean;
  deltas: readonly { segmentStartMs: number; metric: string; quantity: number }[];
}

const script = loadScript("correct-counters");

/** Mends an account's live counters; a repeat changes nothing. Corrections of an account are applied in their order. */
export async function correctCounters(
  redis: RedisClient,
  partition: number,
  { accountId, position, isRebuild, deltas }: CounterCorrection,
): Promise<void> {
  await script(
    redis,
    [keys.meta(partition), keys.marks(partition), keys.built(partition), keys.live(partition)],
    [
      accountId,
      position.epoch,
      position.streamId,
      isRebuild ? 1 : 0,
      ...deltas.flatMap(({ segmentStartMs, metric, quantity }) => [
        counterField(accountId, segmentStartMs, metric),
        quantity,
      ]),
    ],
  );
}
