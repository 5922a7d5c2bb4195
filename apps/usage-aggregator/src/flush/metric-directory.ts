import type { LiveAggregation } from "@driftlock/contracts";
import { catalog, type Db } from "@driftlock/db";
import { isLive } from "@driftlock/domain";

/** Aggregations by metric. They never change, so only a metric that is not known is asked for anew. */
export interface MetricDirectory {
  /** Reads the catalogue again where one of the metrics is not known. Throws UNAVAILABLE. */
  aggregationsOf(metrics: Iterable<string>): Promise<ReadonlyMap<string, LiveAggregation>>;
}

export function createMetricDirectory(db: Db): MetricDirectory {
  let known = new Map<string, LiveAggregation>();
  return {
    aggregationsOf: async (metrics) => {
      if ([...metrics].some((metric) => !known.has(metric))) {
        const rows = await catalog.listMetrics(db);
        known = new Map(
          rows.flatMap(({ metric, aggregation }) =>
            isLive(aggregation) ? [[metric, aggregation] as const] : [],
          ),
        );
      }
      return known;
    },
  };
}
