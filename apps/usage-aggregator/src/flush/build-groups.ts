// The rollup by property: what a batch adds to it, and how many values a key may have.

import type { LiveAggregation } from "@driftlock/contracts";
import { usageGroups, usageTotals } from "@driftlock/db";
import { type Counted, countedNothing, countEvent } from "@driftlock/domain";
import type { StreamRow } from "@driftlock/redis";
import { foldDeltas, startOfWindow } from "./fold-deltas.ts";

type GroupDelta = usageGroups.GroupDelta;
type GroupKeys = usageGroups.GroupKeys;
type ValueOfDay = usageGroups.ValueOfDay;
/** What of an event its groups are made from. */
export type GroupedEvent = Pick<
  StreamRow,
  "accountId" | "metric" | "quantity" | "occurredAtMs" | "propertiesJson"
>;
export type GroupsByAggregation = Map<LiveAggregation, GroupDelta[]>;

/** Values of one key that an account's metric may have in a day of UTC. Past it they are counted as others. */
export const valuesADayMax = 1_000;
/** Of the value's canonical JSON. A longer one is counted as others. */
const valueCharactersMax = 256;
const dayMinutes = 1_440;
const minuteMs = 60_000;

interface Group {
  event: GroupedEvent;
  aggregation: LiveAggregation;
  key: string;
  value: string;
  minuteMs: number;
  counted: Counted;
  eventCount: number;
}

/** What a batch adds to each minute of each value of the keys that its metrics declare, in the order of arrival. */
export function buildGroups(
  events: Iterable<GroupedEvent>,
  keysOf: ReadonlyMap<string, GroupKeys>,
): GroupsByAggregation {
  const groups = new Map<string, Group>();
  for (const event of events) {
    const declared = keysOf.get(event.metric);
    if (declared === undefined) continue;
    const { aggregation } = declared;
    if (event.propertiesJson === null && isAdded(aggregation)) continue;
    const startMs = Math.floor(event.occurredAtMs / minuteMs) * minuteMs;
    for (const [key, value] of valuesOf(event, declared)) {
      const identity = [event.accountId, event.metric, key, startMs, value].join("\0");
      let group = groups.get(identity);
      if (group === undefined) {
        group = { event, aggregation, key, value, minuteMs: startMs, counted: countedNothing, eventCount: 0 };
        groups.set(identity, group);
      }
      group.counted = countEvent(aggregation, group.counted, event);
      group.eventCount++;
    }
  }
  const deltas: GroupsByAggregation = new Map();
  for (const group of groups.values()) {
    const ofAggregation = deltas.get(group.aggregation) ?? [];
    deltas.set(group.aggregation, ofAggregation);
    ofAggregation.push(toDelta(group));
  }
  return deltas;
}

const toDelta = ({ event, key, value, minuteMs: atMs, counted, eventCount }: Group): GroupDelta => ({
  accountId: event.accountId,
  metric: event.metric,
  key,
  value,
  atMs,
  quantity: counted.quantity,
  eventCount,
  lastOccurredAtMs: counted.lastOccurredAtMs,
});

/** What such a metric's groups lack of its whole is what has no value of the key: it need not be counted. */
const isAdded = (aggregation: LiveAggregation): boolean => aggregation === "sum" || aggregation === "count";

/** An event's value of each key. What has none is the rest of a sum, and has to be counted for a max or a last. */
function* valuesOf(
  { propertiesJson }: GroupedEvent,
  { aggregation, keys }: GroupKeys,
): Generator<[key: string, value: string]> {
  const isRest = isAdded(aggregation);
  let properties: Record<string, unknown> | null = null;
  for (const key of keys) {
    // Parsing is dear, and most events have none of the keys: canonical JSON says so as text.
    if (propertiesJson?.includes(`${JSON.stringify(key)}:`)) {
      properties ??= JSON.parse(propertiesJson) as Record<string, unknown>;
    }
    const given = properties !== null && Object.hasOwn(properties, key) ? properties[key] : null;
    if (given !== null) {
      const value = JSON.stringify(given);
      yield [key, value.length > valueCharactersMax ? usageGroups.valueOfOthers : value];
    } else if (!isRest) yield [key, usageGroups.valueOfNone];
  }
}

/** The values of a batch that count towards the bound, each once for its day, in the order of arrival. */
export function listValuesOfDays(groups: GroupsByAggregation): ValueOfDay[] {
  const values = new Map<string, ValueOfDay>();
  for (const { accountId, metric, key, value, atMs } of [...groups.values()].flat()) {
    if (value === usageGroups.valueOfNone || value === usageGroups.valueOfOthers) continue;
    const dayAt = new Date(startOfWindow(atMs, dayMinutes));
    const ofDay = { accountId, metric, key, dayAt, value };
    const identity = identityOfValue(ofDay);
    if (!values.has(identity)) values.set(identity, ofDay);
  }
  return [...values.values()];
}

/** Names a day of UTC of a key: where its values are counted. */
export const identityOfDay = ({ accountId, metric, key, dayAt }: Omit<ValueOfDay, "value">): string =>
  [accountId, metric, key, dayAt.getTime()].join("\0");
const identityOfValue = (value: ValueOfDay): string => `${identityOfDay(value)}\0${value.value}`;

/**
 * Puts values past the bound with the others of their day. `unknown`: the values that their day does not have yet, the
 * first to arrive first; `countOf`: how many it has, by `identityOfDay`.
 */
export function boundGroups(
  groups: GroupsByAggregation,
  unknown: readonly ValueOfDay[],
  countOf: ReadonlyMap<string, number>,
): GroupsByAggregation {
  const counts = new Map(countOf);
  const past = new Set<string>();
  for (const value of unknown) {
    const day = identityOfDay(value);
    const count = counts.get(day) ?? 0;
    if (count < valuesADayMax) counts.set(day, count + 1);
    else past.add(identityOfValue(value));
  }
  if (past.size === 0) return groups;
  const isPast = (delta: GroupDelta) =>
    past.has(identityOfValue({ ...delta, dayAt: new Date(startOfWindow(delta.atMs, dayMinutes)) }));
  return new Map(
    [...groups].map(([aggregation, deltas]) => [
      aggregation,
      deltas.map((delta) => (isPast(delta) ? { ...delta, value: usageGroups.valueOfOthers } : delta)),
    ]),
  );
}

/** Minutes as windows of a length, in the order of their keys: each group once. */
export function foldGroups(
  aggregation: LiveAggregation,
  minutes: readonly GroupDelta[],
  windowMinutes: usageGroups.GroupWindow,
): GroupDelta[] {
  const identityOf = ({ accountId, metric, key, atMs, value }: GroupDelta) =>
    [accountId, metric, key, atMs, value].join("\0");
  const inWindows = minutes.map((delta) => ({
    ...delta,
    atMs: startOfWindow(delta.atMs, windowMinutes),
  }));
  return foldDeltas(usageTotals.mergeOf(aggregation), inWindows, identityOf)
    .map((delta) => [identityOf(delta), delta] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, delta]) => delta);
}
