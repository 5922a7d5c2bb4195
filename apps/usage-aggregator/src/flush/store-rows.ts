import { sqlState, type Transaction, usageRecords, usageTotals } from "@driftlock/db";
import type { StreamRow } from "@driftlock/redis";
import type { KnownEvent, KnownIds } from "../known-ids/known-ids.ts";
import { buildTotals, type Deltas } from "./build-totals.ts";
import { countUnique } from "./count-unique.ts";
import { foldHours } from "./fold-deltas.ts";
import { type GroupedRows, groupRows } from "./group-rows.ts";
import type { MetricDefinitions } from "./metric-directory.ts";
import { type Periods, periodStartOf } from "./place-rows.ts";
import { type SetAsideRow, setAside } from "./set-aside.ts";
import { storeGroups } from "./store-groups.ts";

/** What a transaction knows that stores rows. */
export interface Storing {
  tx: Transaction;
  partition: number;
  current: Awaited<ReturnType<KnownIds["currentTable"]>>;
  knownIds: KnownIds;
  definitions: MetricDefinitions;
  periods: Periods;
}

/** Records and totals together, as if none of the events were stored before. Throws where one was, or cannot be. */
export async function storeRows({ tx, current, periods }: Storing, grouped: GroupedRows): Promise<void> {
  if (grouped.rows.length === 0) return;
  await usageRecords.copyRecords(tx, current.tableName, grouped.tuples);
  const totals = buildTotals(grouped, periods);
  await countUnique(tx, grouped, { periods, totals });
  await eachKind(totals.periods, (merge, deltas) => usageTotals.upsertTotals(tx, merge, deltas));
  await eachKind(totals.minutes, async (merge, deltas) => {
    await usageTotals.upsertMinutes(tx, merge, deltas);
    await usageTotals.upsertHours(tx, merge, foldHours(merge, deltas));
  });
  await storeGroups(tx, rowsInOrder(grouped));
}

/** Of an account, as they were accepted: of two events of one instant the later is the last. */
function* rowsInOrder({ accounts }: GroupedRows): Generator<StreamRow> {
  for (const { rows } of accounts) yield* rows;
}

async function eachKind(
  { add, max, last }: Deltas,
  upsert: (merge: usageTotals.TotalMerge, deltas: Deltas["add"]) => Promise<unknown>,
): Promise<void> {
  if (add.length > 0) await upsert("add", add);
  if (max.length > 0) await upsert("max", max);
  if (last.length > 0) await upsert("last", last);
}

/**
 * The way for a batch that was refused as a whole: repeats and conflicts are found first, the rest is stored, and what
 * Postgres will not take is narrowed down to single events. @returns what was not stored, and why.
 */
export async function storeCarefully(storing: Storing, rows: readonly StreamRow[]): Promise<SetAsideRow[]> {
  const first = new Map<string, StreamRow>();
  const aside: SetAsideRow[] = [];
  for (const row of rows) {
    const key = keyOf(row);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, row);
    else aside.push(known(storing, row, isSamePayload(earlier, row)));
  }
  return [...aside, ...(await storeInHalves(storing, [...first.values()]))];
}

const keyOf = ({ accountId, id }: { accountId: string; id: string }): string => `${accountId}\n${id}`;

const isSamePayload = (one: StreamRow, other: StreamRow): boolean =>
  one.metric === other.metric &&
  one.quantity === other.quantity &&
  one.propertiesJson === other.propertiesJson;

async function storeInHalves(storing: Storing, rows: readonly StreamRow[]): Promise<SetAsideRow[]> {
  const { client } = storing.tx;
  const [first] = rows;
  if (first === undefined) return [];
  await client.query("savepoint part");
  try {
    const aside = await storeFresh(storing, rows);
    await client.query("release savepoint part");
    return aside;
  } catch (error) {
    if (!isFaultOfEvents(error)) throw error;
    await client.query("rollback to savepoint part");
    await client.query("release savepoint part");
    if (rows.length === 1)
      return [
        setAside(first, { ...countedAt(storing, first), reason: "not-storable", detail: String(error) }),
      ];
    const middle = Math.ceil(rows.length / 2);
    const left = await storeInHalves(storing, rows.slice(0, middle));
    return [...left, ...(await storeInHalves(storing, rows.slice(middle)))];
  }
}

/** Stores what is not stored yet. @returns the others. */
async function storeFresh(storing: Storing, rows: readonly StreamRow[]): Promise<SetAsideRow[]> {
  const { tx, knownIds, definitions } = storing;
  const stored: KnownEvent[] = await knownIds.findStored(tx, storing, rows);
  if (stored.length === 0) {
    await storeRows(storing, groupRows(rows, definitions));
    return [];
  }
  const byKey = new Map(stored.map((each) => [keyOf(each), each]));
  const fresh: StreamRow[] = [];
  const aside: SetAsideRow[] = [];
  for (const row of rows) {
    const earlier = byKey.get(keyOf(row));
    if (earlier === undefined) fresh.push(row);
    else aside.push(known(storing, row, earlier.isSamePayload));
  }
  await storeRows(storing, groupRows(fresh, definitions));
  return aside;
}

const known = (storing: Storing, row: StreamRow, isSame: boolean): SetAsideRow =>
  setAside(row, {
    ...countedAt(storing, row),
    ...(isSame
      ? { reason: "repeat", detail: "stored before" }
      : { reason: "conflict", detail: "this id is stored with another metric, quantity or properties" }),
  });

function countedAt({ periods, definitions }: Storing, row: StreamRow): Pick<SetAsideRow, "counted"> {
  const segmentStartMs = periodStartOf(periods, row.accountId, row.occurredAtMs);
  const aggregation = definitions.get(row.metric)?.aggregation;
  const isCounted = segmentStartMs !== null && aggregation !== undefined;
  return { counted: isCounted ? { segmentStartMs, aggregation } : null };
}

/**
 * Whether Postgres refused what is in the rows: data it cannot take, a violated constraint, a limit of the program.
 * Anything else (an outage, a conflict with another transaction, a full disk, a fault of ours) says nothing of them.
 */
export const isFaultOfEvents = (error: unknown): boolean => /^(22|23|54)/.test(sqlState(error) ?? "");
