import type { LiveAggregation, UsageSeriesDto, UsageSeriesGroupDto } from "@driftlock/contracts";
import { usageGroups } from "@driftlock/db";

type Points = UsageSeriesDto["points"];
const { valueOfNone, valueOfOthers } = usageGroups;

/**
 * The parts of a series: values in the order of `rows`, then the others, then what has no value. Of a sum or a count the
 * last is what the rest leaves of `points`, so that the parts always make up the whole.
 */
export function buildSeriesGroups(series: {
  aggregation: LiveAggregation;
  points: Points;
  rows: readonly usageGroups.GroupPointRow[];
}): UsageSeriesGroupDto[] {
  const { aggregation, points, rows } = series;
  const byValue = Map.groupBy(rows, ({ value }) => value);
  const pointsOf = (ofValue: readonly usageGroups.GroupPointRow[]): Points => {
    const byInstant = new Map(ofValue.map((row) => [row.at.toISOString(), row]));
    return points.map(({ at }) => {
      const row = byInstant.get(at);
      return { at, quantity: row?.quantity ?? 0, count: row?.count ?? 0 };
    });
  };
  const others = byValue.get(valueOfOthers);
  const none = byValue.get(valueOfNone);
  const groups: UsageSeriesGroupDto[] = [];
  for (const [value, ofValue] of byValue) {
    if (value === valueOfOthers || value === valueOfNone) continue;
    const scalar = JSON.parse(value) as UsageSeriesGroupDto["value"];
    groups.push({ kind: "value", value: scalar, points: pointsOf(ofValue) });
  }
  if (others !== undefined) groups.push({ kind: "other", value: null, points: pointsOf(others) });
  const rest =
    aggregation === "sum" || aggregation === "count" ? subtract(points, groups) : none && pointsOf(none);
  if (rest?.some(({ count }) => count > 0)) groups.push({ kind: "none", value: null, points: rest });
  return groups;
}

const subtract = (points: Points, groups: readonly UsageSeriesGroupDto[]): Points =>
  points.map(({ at, quantity, count }, index) => ({
    at,
    quantity: groups.reduce((left, group) => left - (group.points[index]?.quantity ?? 0), quantity),
    count: groups.reduce((left, group) => left - (group.points[index]?.count ?? 0), count),
  }));
