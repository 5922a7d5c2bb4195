import {
  AppError,
  seriesPointsMax,
  type UsageSeriesDto,
  type UsageSeriesQuery,
  type UsageWindow,
} from "@driftlock/contracts";
import { type Db, usageTotals } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "../usage/catalog-cache.ts";

const minuteMs = 60_000;
const windowMs: Record<UsageWindow, number> = {
  minute: minuteMs,
  hour: 60 * minuteMs,
  day: 24 * 60 * minuteMs,
};
const spanDefaultMs: Record<UsageWindow, number> = {
  minute: windowMs.day,
  hour: windowMs.day,
  day: 30 * windowMs.day,
};

interface Deps {
  db: Db;
  clock: Clock;
  catalogCache: CatalogCache;
}

/**
 * One metric over time, from what is stored (a second behind). `from` and `to` are widened to whole windows of UTC.
 * @throws UNKNOWN_METRIC, INVALID for a range that is empty or has more than 2,000 points.
 */
export const createGetUsageSeries =
  ({ db, clock, catalogCache }: Deps) =>
  async (accountId: string, query: Omit<UsageSeriesQuery, "accountId">): Promise<UsageSeriesDto> => {
    const { metric, window } = query;
    const aggregation = (await catalogCache.get()).aggregations.get(metric);
    if (aggregation === undefined) throw new AppError("UNKNOWN_METRIC", `There is no metric "${metric}".`);
    const sizeMs = windowMs[window];
    const toMs = query.to === undefined ? clock.now().getTime() : Date.parse(query.to);
    const fromMs = query.from === undefined ? toMs - spanDefaultMs[window] : Date.parse(query.from);
    const firstMs = Math.floor(fromMs / sizeMs) * sizeMs;
    const endMs = Math.ceil(toMs / sizeMs) * sizeMs;
    const count = (endMs - firstMs) / sizeMs;
    if (fromMs >= toMs) throw new AppError("INVALID", "query.from must be before query.to.");
    if (count > seriesPointsMax) {
      throw new AppError(
        "INVALID",
        `The range has ${count} points, ${seriesPointsMax} at most; choose a larger window.`,
      );
    }
    const range = { from: new Date(firstMs), to: new Date(endMs) };
    const rows = await usageTotals.listSeries(db, { accountId, metric, aggregation, window, ...range });
    const byInstant = new Map(rows.map((row) => [row.at.getTime(), row]));
    return {
      accountId,
      metric,
      window,
      from: range.from.toISOString(),
      to: range.to.toISOString(),
      points: Array.from({ length: count }, (_, index) => {
        const atMs = firstMs + index * sizeMs;
        const row = byInstant.get(atMs);
        return { at: new Date(atMs).toISOString(), quantity: row?.quantity ?? 0, count: row?.count ?? 0 };
      }),
    };
  };
