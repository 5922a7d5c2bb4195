import type { UsageEvent } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { toAppError } from "../errors.ts";
import { keys } from "../keys.ts";
import { rowBytesMax, writeRow } from "../record.ts";
import { loadScript } from "../script.ts";
import { payloadOfEvent, seenField, seenKeptSeconds, seenKeys } from "../seen-ids.ts";
import { type CounterStanding, type Verdict, verdicts } from "./accept-usage.ts";
import type { StreamPosition } from "./seed-counters.ts";

/** A reservation of an account of the partition, by the number that its row in Postgres has. */
export interface ReservationRef {
  partition: number;
  accountId: string;
  reservationNo: number;
  /** Business time. */
  nowMs: number;
}

export interface HeldQuantity {
  metric: string;
  quantity: number;
}

/** How one item of a step that was refused stands; `held` is what other reservations hold. */
export interface ItemStanding {
  verdict: Verdict;
  counter: CounterStanding;
}

export type ReservationOutcome =
  /** Done now or before. `entry` is what was written to the stream. */
  | { outcome: "done"; entry: StreamPosition | null; segmentEndMs: number }
  /** Nothing was done; items as they were given. */
  | { outcome: "refused"; items: ItemStanding[] }
  /** Nothing was done: the account must be loaded from Postgres first. */
  | { outcome: "load" };

type Reply = ["load"] | ["done", string, string, number] | ["refused", number[]];

const script = loadScript("reservation");
const standingSize = 6;

/** Keeps room for quantities of `sum` metrics in the present segment, all of them or none. Throws UNAVAILABLE. */
export const holdQuantities = (
  redis: RedisClient,
  ref: ReservationRef,
  { items, expiresAtMs }: { items: readonly HeldQuantity[]; expiresAtMs: number },
): Promise<ReservationOutcome> =>
  run(redis, partitionKeys(ref.partition), [
    "hold",
    ...idsOf(ref),
    ref.nowMs,
    expiresAtMs,
    ...items.flatMap(({ metric, quantity }) => [metric, quantity]),
  ]);

/**
 * Counts events of one instant for what is held, all of them or none, and gives back the rest. Refused only where a limit
 * has sunk, or Redis has lost the hold and others took its room. Throws UNAVAILABLE.
 */
export const commitHeld = (
  redis: RedisClient,
  ref: ReservationRef,
  of: { events: readonly UsageEvent[]; occurredAtMs: number; wallNowMs: number },
): Promise<ReservationOutcome> =>
  run(
    redis,
    [...partitionKeys(ref.partition), keys.stream(ref.partition), ...seenKeys(ref.partition, of.wallNowMs)],
    [
      "commit",
      ...idsOf(ref),
      of.occurredAtMs,
      seenKeptSeconds,
      ...of.events.flatMap((event) => [
        event.metric,
        event.quantity,
        seenField(event),
        payloadOfEvent(event),
        rowOf(event),
      ]),
    ],
  );

/** Gives back what is held, if it is still. Throws UNAVAILABLE. */
export const endHold = (redis: RedisClient, ref: ReservationRef): Promise<ReservationOutcome> =>
  run(redis, partitionKeys(ref.partition), ["end", ...idsOf(ref), ref.nowMs]);

/** Reservations in Redis that should have ended before `beforeMs`, page by page from cursor "0" to "0". Throws UNAVAILABLE. */
export async function listOverdueHolds(
  redis: RedisClient,
  { partition, cursor, beforeMs }: { partition: number; cursor: string; beforeMs: number },
): Promise<{ cursor: string; holds: { accountId: string; reservationNo: number }[] }> {
  try {
    const [next, flat] = await redis.hscan(keys.holds(partition), cursor, "COUNT", 500);
    const holds: { accountId: string; reservationNo: number }[] = [];
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const [accountId, reservation] = (flat[at] ?? "").split(" ");
      const expiresAtMs = Number(flat[at + 1]?.split(" ")[1]);
      if (accountId !== undefined && reservation !== undefined && expiresAtMs < beforeMs)
        holds.push({ accountId, reservationNo: Number(reservation) });
    }
    return { cursor: next, holds };
  } catch (error) {
    throw toAppError(error);
  }
}

const partitionKeys = (partition: number): string[] => [
  keys.meta(partition),
  keys.limits(partition),
  keys.marks(partition),
  keys.live(partition),
  keys.held(partition),
  keys.holds(partition),
];

const idsOf = ({ accountId, reservationNo, nowMs }: ReservationRef) => [accountId, reservationNo, nowMs];

function rowOf(event: UsageEvent): Buffer {
  const row = Buffer.alloc(rowBytesMax(event));
  return row.subarray(0, writeRow(row, 0, event));
}

async function run(
  redis: RedisClient,
  scriptKeys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<ReservationOutcome> {
  const reply = (await script(redis, scriptKeys, args)) as Reply;
  if (reply[0] === "load") return { outcome: "load" };
  if (reply[0] === "refused") return { outcome: "refused", items: readStandings(reply[1]) };
  const [, epoch, streamId, segmentEndMs] = reply;
  return { outcome: "done", entry: streamId === "" ? null : { epoch, streamId }, segmentEndMs };
}

function readStandings(numbers: readonly number[]): ItemStanding[] {
  const items: ItemStanding[] = [];
  for (let at = 0; at < numbers.length; at += standingSize) {
    const [code = 0, used = 0, held = 0, limit = -1, stop = -1, endMs = 0] = numbers.slice(at);
    const verdict = verdicts[code];
    if (verdict === undefined) throw new Error(`reservation.lua decided ${code}`);
    items.push({
      verdict,
      counter: {
        used,
        held,
        limit: limit < 0 ? null : limit,
        hardLimit: stop < 0 ? null : stop,
        resetsAtMs: endMs === 0 ? null : endMs,
      },
    });
  }
  return items;
}
