import {
  type Aggregation,
  AppError,
  type LiveAggregation,
  seriesGroupPointsMax,
  seriesGroupsMax,
  seriesKeptDays,
  seriesPointsMax,
  type UsageSeriesDto,
  type UsageSeriesQuery,
  type UsageWindow,
} from "@driftlock/contracts";
import { type Db, usageGroups, usageTotals } from "@driftlock/db";
import { isLive } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import { buildSeriesGroups } from "./build-series-groups.ts";
import { readRange } from "./read-range.ts";
import { requireAccount } from "./require-account.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const windowMs: Record<UsageWindow, number> = { minute: minuteMs, hour: 60 * minuteMs, day: dayMs };
const groupWindowOf = { minute: 1, hour: 60, day: 1_440 } as const;
const spanDefaultMs: Record<UsageWindow, number> = { minute: dayMs, hour: dayMs, day: 30 * dayMs };

interface Deps {
  db: Db;
  clock: Clock;
  catalogCache: CatalogCache;
}

type Query = Omit<UsageSeriesQuery, "accountId">;

/**
 * One metric over time, from its rollups (a second behind). `from` and `to` are widened to whole windows of UTC.
 * @throws UNKNOWN_METRIC, UNKNOWN_GROUP_KEY, ACCOUNT_NOT_FOUND, USAGE_NOT_KEPT, INVALID for a range that is empty or
 * has more than 2,000 points.
 */
export const createGetUsageSeries =
  ({ db, clock, catalogCache }: Deps) =>
  async (accountId: string, query: Query): Promise<UsageSeriesDto> => {
    const { metric, window, groupBy } = query;
    const { aggregations, metrics } = await catalogCache.get();
    const aggregation = aggregations.get(metric);
    if (aggregation === undefined) throw new AppError("UNKNOWN_METRIC", `There is no metric "${metric}".`);
    const { from, to, instants } = windowsOf(query, clock.now());
    const declaredKeys = metrics.find((each) => each.metric === metric)?.groupByKeys ?? [];
    const grouping = groupBy === undefined ? null : requireGrouping(query, aggregation, declaredKeys);
    requireKept(from, { window, isGrouped: grouping !== null, now: clock.now() });
    const series = { accountId, metric, aggregation, window, from, to };
    const [{ rows, groupRows }] = await Promise.all([
      grouping === null
        ? usageTotals.listSeries(db, series).then((all) => ({ rows: all, groupRows: [] }))
        : readGrouped(db, { ...series, ...grouping }, instants.length),
      requireAccount(db, accountId),
    ]);
    const byInstant = new Map(rows.map((row) => [row.at.getTime(), row]));
    const points = instants.map((atMs) => {
      const row = byInstant.get(atMs);
      return { at: new Date(atMs).toISOString(), quantity: row?.quantity ?? 0, count: row?.count ?? 0 };
    });
    return {
      accountId,
      metric,
      window,
      from: from.toISOString(),
      to: to.toISOString(),
      points,
      ...(grouping !== null && {
        groupBy: grouping.key,
        groups: buildSeriesGroups({ aggregation: grouping.aggregation, points, rows: groupRows }),
      }),
    };
  };

/** The windows that a query touches: their starts in unix milliseconds, and the range that they make. */
function windowsOf(query: Query, now: Date): { from: Date; to: Date; instants: number[] } {
  const sizeMs = windowMs[query.window];
  const { fromMs, toMs } = readRange(query, { now, spanMs: spanDefaultMs[query.window] });
  const firstMs = Math.floor(fromMs / sizeMs) * sizeMs;
  const endMs = Math.ceil(toMs / sizeMs) * sizeMs;
  const count = (endMs - firstMs) / sizeMs;
  if (count > seriesPointsMax) {
    throw new AppError(
      "INVALID",
      `The range has ${count} points, ${seriesPointsMax} at most; choose a larger window.`,
    );
  }
  const instants = Array.from({ length: count }, (_, index) => firstMs + index * sizeMs);
  return { from: new Date(firstMs), to: new Date(endMs), instants };
}

/** The parts of a `unique` metric do not add up to it: it cannot be grouped. */
function requireGrouping(
  { metric, groupBy = "" }: Query,
  aggregation: Aggregation,
  declared: readonly string[],
): { key: string; aggregation: LiveAggregation } {
  const declaredKeys = isLive(aggregation) ? declared : [];
  if (isLive(aggregation) && declaredKeys.includes(groupBy)) return { key: groupBy, aggregation };
  const known =
    declaredKeys.length === 0
      ? "it declares none"
      : `it declares ${declaredKeys.map((key) => `"${key}"`).join(", ")}`;
  throw new AppError("UNKNOWN_GROUP_KEY", `"${metric}" cannot be grouped by "${groupBy}": ${known}.`, {
    extensions: { declaredKeys },
  });
}

/** What was removed would read as no usage. */
function requireKept(
  from: Date,
  { window, isGrouped, now }: { window: UsageWindow; isGrouped: boolean; now: Date },
): void {
  const days = seriesKeptDays[isGrouped ? "grouped" : "whole"][window];
  if (days === null) return;
  const keptSinceMs = Math.floor((now.getTime() - days * dayMs) / windowMs[window]) * windowMs[window];
  if (from.getTime() >= keptSinceMs) return;
  const keptSince = new Date(keptSinceMs).toISOString();
  throw new AppError(
    "USAGE_NOT_KEPT",
    `Usage${isGrouped ? " in groups" : ""} by ${window} is kept for ${days} days, now since ${keptSince}; choose a later from or a larger window.`,
    { extensions: { keptSince } },
  );
}

/** The whole and its parts out of one snapshot, so that the parts make up the whole. */
const readGrouped = (
  db: Db,
  series: Parameters<typeof usageTotals.listSeries>[1] & { key: string; aggregation: LiveAggregation },
  pointCount: number,
) =>
  db.transaction(async (tx) => {
    await usageGroups.holdSnapshot(tx);
    const groupsMax = Math.min(seriesGroupsMax, Math.floor(seriesGroupPointsMax / pointCount));
    const windowMinutes = groupWindowOf[series.window];
    const groupRows = await usageGroups.listGroupSeries(tx, { ...series, windowMinutes, groupsMax });
    return { rows: await usageTotals.listSeries(tx, series), groupRows };
  });
