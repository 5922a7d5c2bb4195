import {
  isConnectionError,
  isTransactionConflict,
  type Transaction,
  usageRecords,
  usageTotals,
} from "@driftlock/db";
import { AppError } from "@driftlock/contracts";
import { buildTotals, startOfMinute, startOfPeriod } from "./build-totals.ts";
import { foldHours } from "./fold-deltas.ts";
import { keyOf, type PlacedEvent, type SetAsideEvent, setAside } from "./placed-event.ts";
import { storeGroups } from "./store-groups.ts";

/** Records and totals together, as if none of the events were stored before. Throws where one was, or cannot be. */
export async function storeEvents(tx: Transaction, placed: readonly PlacedEvent[]): Promise<void> {
  if (placed.length === 0) return;
  const sorted = placed.map(({ event }) => event).sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  await usageRecords.copyRecords(tx, sorted);
  for (const [aggregation, deltas] of buildTotals(placed, startOfPeriod)) {
    await usageTotals.upsertTotals(tx, aggregation, deltas);
  }
  for (const [aggregation, deltas] of buildTotals(placed, startOfMinute)) {
    await usageTotals.upsertMinutes(tx, aggregation, deltas);
    await usageTotals.upsertHours(tx, aggregation, foldHours(aggregation, deltas));
  }
  await storeGroups(tx, placed);
}

/**
 * The way for a batch that was refused as a whole: repeats and conflicts are found first, the rest is stored, and what
 * Postgres will not take is narrowed down to single events. @returns what was not stored, and why.
 */
export async function storeCarefully(
  tx: Transaction,
  placed: readonly PlacedEvent[],
): Promise<SetAsideEvent[]> {
  const known = await usageRecords.listKnownEvents(
    tx,
    placed.map(({ event }) => event),
  );
  const hashes = new Map(known.map((row) => [keyOf(row), row.payloadHash]));
  const fresh: PlacedEvent[] = [];
  const aside: SetAsideEvent[] = [];
  for (const each of placed) {
    const key = keyOf(each.event);
    const hash = hashes.get(key);
    if (hash === undefined) {
      hashes.set(key, each.event.payloadHash);
      fresh.push(each);
    } else if (hash === each.event.payloadHash) {
      aside.push(setAside(each, "repeat", "stored before"));
    } else {
      aside.push(setAside(each, "conflict", "this id is stored with another metric, quantity or properties"));
    }
  }
  return [...aside, ...(await storeInHalves(tx, fresh))];
}

async function storeInHalves(tx: Transaction, placed: readonly PlacedEvent[]): Promise<SetAsideEvent[]> {
  const [first] = placed;
  if (first === undefined) return [];
  await tx.client.query("savepoint part");
  try {
    await storeEvents(tx, placed);
    await tx.client.query("release savepoint part");
    return [];
  } catch (error) {
    // A conflict with another transaction is mended by repeating the whole of ours.
    if (isOutage(error) || isTransactionConflict(error)) throw error;
    await tx.client.query("rollback to savepoint part");
    if (placed.length === 1) return [setAside(first, "not-storable", String(error))];
    const middle = Math.ceil(placed.length / 2);
    const left = await storeInHalves(tx, placed.slice(0, middle));
    return [...left, ...(await storeInHalves(tx, placed.slice(middle)))];
  }
}

/** Errors that say nothing of the events. */
export const isOutage = (error: unknown): boolean =>
  isConnectionError(error) || (error instanceof AppError && error.code === "UNAVAILABLE");
