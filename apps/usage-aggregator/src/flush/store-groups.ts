import { type Transaction, usageGroups } from "@driftlock/db";
import {
  boundGroups,
  buildGroups,
  foldGroups,
  type GroupedEvent,
  type GroupsByAggregation,
  identityOfDay,
  listValuesOfDays,
} from "./build-groups.ts";

/**
 * Adds a batch to the rollup by property. The keys are read with each batch, so that one that was declared counts from
 * the next on. Nobody else adds values to these accounts meanwhile: the batch holds their partition's position.
 */
export async function storeGroups(tx: Transaction, events: Iterable<GroupedEvent>): Promise<void> {
  const keysOf = new Map(
    (await usageGroups.listGroupKeys(tx)).map((declared) => [declared.metric, declared]),
  );
  const groups = buildGroups(events, keysOf);
  if (groups.size === 0) return;
  for (const [aggregation, minutes] of await withinBound(tx, groups)) {
    for (const windowMinutes of usageGroups.groupWindows) {
      await usageGroups.upsertGroups(
        tx,
        aggregation,
        windowMinutes,
        foldGroups(aggregation, minutes, windowMinutes),
      );
    }
  }
}

async function withinBound(tx: Transaction, groups: GroupsByAggregation): Promise<GroupsByAggregation> {
  const values = listValuesOfDays(groups);
  if (values.length === 0) return groups;
  const known = new Set((await usageGroups.listKnownValues(tx, values)).map(({ place }) => place));
  const unknown = values.filter((_value, index) => !known.has(index + 1));
  if (unknown.length === 0) return groups;
  const days = [...new Map(unknown.map((value) => [identityOfDay(value), value]))];
  const counted = await usageGroups.countValues(
    tx,
    days.map(([, day]) => day),
  );
  const countOf = new Map(days.map(([identity], index) => [identity, counted[index]?.count ?? 0]));
  return boundGroups(groups, unknown, countOf);
}
