import type { Aggregation } from "@driftlock/contracts";
import { catalog, type Db } from "@driftlock/db";

export interface MetricDefinition {
  aggregation: Aggregation;
  /** For `unique`: the property whose values are counted. */
  uniqueProperty: string | null;
}
export type MetricDefinitions = ReadonlyMap<string, MetricDefinition>;

/** What metrics are. They never change, so only one that is not known is asked for anew. */
export interface MetricDirectory {
  /** Reads the catalogue again where one of the metrics is not known. Throws UNAVAILABLE. */
  definitionsOf(metrics: Iterable<string>): Promise<MetricDefinitions>;
}

export function createMetricDirectory(db: Db): MetricDirectory {
  let known: MetricDefinitions = new Map();
  return {
    definitionsOf: async (metrics) => {
      if ([...metrics].some((metric) => !known.has(metric))) {
        const rows = await catalog.listMetrics(db);
        known = new Map(rows.map((row) => [row.metric, row]));
      }
      return known;
    },
  };
}
