import type { Aggregation } from "@driftlock/contracts";
import { catalog, type Db } from "@driftlock/db";

type Plans = Awaited<ReturnType<typeof catalog.listPlans>>;
type Metrics = Awaited<ReturnType<typeof catalog.listMetrics>>;

export interface Catalog {
  plans: Plans;
  metrics: Metrics;
  /** By metric: those that events are taken for. */
  aggregations: ReadonlyMap<string, Aggregation>;
  /** By `unique` metric, the property that holds an event's value. */
  uniqueProperties: ReadonlyMap<string, string>;
}

export interface CatalogCache {
  /** At most ten seconds old. Throws UNAVAILABLE. */
  get(): Promise<Catalog>;
  /** Read now: for a plan version or a metric that is not there. */
  refresh(): Promise<Catalog>;
}

const keptMs = 10_000;

/** Plans and metrics change rarely and are needed for every request. Several readers at once cause one query. */
export function createCatalogCache({ db, wallNow }: { db: Db; wallNow: () => number }): CatalogCache {
  let loading: Promise<Catalog> | null = null;
  let loadedAtMs = -Infinity;

  async function load(): Promise<Catalog> {
    const [plans, metrics] = await Promise.all([catalog.listPlans(db), catalog.listMetrics(db)]);
    loadedAtMs = wallNow();
    const aggregations = new Map(metrics.map(({ metric, aggregation }) => [metric, aggregation]));
    const uniqueProperties = new Map(
      metrics.flatMap(({ metric, uniqueProperty }) =>
        uniqueProperty === null ? [] : [[metric, uniqueProperty] as const],
      ),
    );
    return { plans, metrics, aggregations, uniqueProperties };
  }

  function refresh(): Promise<Catalog> {
    loadedAtMs = wallNow();
    const current = load().catch((error: unknown) => {
      loadedAtMs = -Infinity;
      throw error;
    });
    loading = current;
    return current;
  }

  return {
    get: () => (loading !== null && wallNow() - loadedAtMs < keptMs ? loading : refresh()),
    refresh,
  };
}
