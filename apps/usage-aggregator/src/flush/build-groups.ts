// The rollup by property: what a batch adds to it, and how many values a key may have.

import type { LiveAggregation } from "@driftlock/contracts";
import { usageGroups } from "@driftlock/db";
import { type Counted, countedNothing, countEvent } from "@driftlock/domain";
import { foldDeltas, startOfWindow } from "./fold-deltas.ts";
import type { PlacedEvent } from "./placed-event.ts";

type GroupDelta = usageGroups.GroupDelta;
type ValueOfDay = usageGroups.ValueOfDay;
export type GroupsByAggregation = Map<LiveAggregation, GroupDelta[]>;

/** Values of one key that an account's metric may have in a day of UTC. Past it they are counted as others. */
export const valuesADayMax = 1_000;
/** Of the value's canonical JSON. A longer one is counted as others. */
const valueCharactersMax = 256;
const dayMinutes = 1_440;
const minuteMs = 60_000;

interface Group {
  placed: PlacedEvent;
  key: string;
  value: string;
  minuteMs: number;
  counted: Counted;
  eventCount: number;
}

/** What a batch adds to each minute of each value of the keys that its metrics declare, in the order of arrival. */
export function buildGroups(
  placed: readonly PlacedEvent[],
  keysOf: ReadonlyMap<string, readonly string[]>,
): GroupsByAggregation {
  const groups = new Map<string, Group>();
  for (const each of placed) {
    const keys = keysOf.get(each.event.metric);
    if (keys === undefined) continue;
    const startMs = Math.floor(each.event.occurredAtMs / minuteMs) * minuteMs;
    for (const [key, value] of valuesOf(each, keys)) {
      const identity = [each.event.accountId, each.event.metric, key, startMs, value].join("\0");
      let group = groups.get(identity);
      if (group === undefined) {
        group = { placed: each, key, value, minuteMs: startMs, counted: countedNothing, eventCount: 0 };
        groups.set(identity, group);
      }
      group.counted = countEvent(each.aggregation, group.counted, each.event);
      group.eventCount++;
    }
  }
  const deltas: GroupsByAggregation = new Map();
  for (const group of groups.values()) {
    const ofAggregation = deltas.get(group.placed.aggregation) ?? [];
    deltas.set(group.placed.aggregation, ofAggregation);
    ofAggregation.push(toDelta(group));
  }
  return deltas;
}

const toDelta = ({ placed, key, value, minuteMs: startMs, counted, eventCount }: Group): GroupDelta => ({
  accountId: placed.event.accountId,
  metric: placed.event.metric,
  key,
  value,
  at: new Date(startMs),
  quantity: counted.quantity,
  eventCount,
  lastOccurredAt: new Date(counted.lastOccurredAtMs),
});

/** An event's value of each key. What has none is the rest of a sum, and has to be counted for a max or a last. */
function* valuesOf(
  { event, aggregation }: PlacedEvent,
  keys: readonly string[],
): Generator<[key: string, value: string]> {
  const { propertiesJson } = event;
  const isRest = aggregation === "sum" || aggregation === "count";
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
  for (const { accountId, metric, key, value, at } of [...groups.values()].flat()) {
    if (value === usageGroups.valueOfNone || value === usageGroups.valueOfOthers) continue;
    const dayAt = startOfWindow(at, dayMinutes);
    const ofDay = { accountId, metric, key, dayAt, value };
    const identity = identityOfValue(ofDay);
    if (!values.has(identity)) values.set(identity, ofDay);
  }
  return [...values.values()];
}

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
    past.has(identityOfValue({ ...delta, dayAt: startOfWindow(delta.at, dayMinutes) }));
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
  const identityOf = ({ accountId, metric, key, at, value }: GroupDelta) =>
    [accountId, metric, key, at.getTime(), value].join("\0");
  const inWindows = minutes.map((delta) => ({ ...delta, at: startOfWindow(delta.at, windowMinutes) }));
  return foldDeltas(aggregation, inWindows, identityOf)
    .map((delta) => [identityOf(delta), delta] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, delta]) => delta);
}
