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
  rows: readonly usageGroups.GroupSeriesRow[];
}): UsageSeriesGroupDto[] {
  const { aggregation, points, rows } = series;
  const groupOf = (
    kind: UsageSeriesGroupDto["kind"],
    row: usageGroups.GroupSeriesRow,
  ): UsageSeriesGroupDto => {
    const filled = points.map(({ at }) => ({ at, quantity: 0, count: 0 }));
    for (const [index, quantity, count] of row.points) {
      const point = filled[index];
      if (point !== undefined) Object.assign(point, { quantity, count });
    }
    const value = kind === "value" ? (JSON.parse(row.value) as UsageSeriesGroupDto["value"]) : null;
    return { kind, value, points: filled };
  };
  const groups = rows
    .filter(({ value }) => value !== valueOfOthers && value !== valueOfNone)
    .map((row) => groupOf("value", row));
  const others = rows.find(({ value }) => value === valueOfOthers);
  if (others !== undefined) groups.push(groupOf("other", others));
  if (aggregation === "sum" || aggregation === "count") {
    const rest = subtract(points, groups);
    if (rest.some(({ count }) => count > 0)) groups.push({ kind: "none", value: null, points: rest });
  } else {
    const none = rows.find(({ value }) => value === valueOfNone);
    if (none !== undefined) groups.push(groupOf("none", none));
  }
  return groups;
}

const subtract = (points: Points, groups: readonly UsageSeriesGroupDto[]): Points =>
  points.map(({ at, quantity, count }, index) => ({
    at,
    quantity: groups.reduce((left, group) => left - (group.points[index]?.quantity ?? 0), quantity),
    count: groups.reduce((left, group) => left - (group.points[index]?.count ?? 0), count),
  }));
