import {
  AppError,
  type CreateMetricBody,
  eventAgeMaxMs,
  type MetricDto,
  type Page,
  type PageQuery,
  type UpdateMetricBody,
} from "@driftlock/contracts";
import { auditLog, type Db, metricDefinitions } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { readCursor, toPage } from "../cursor.ts";
import type { CatalogCache } from "../usage/catalog-cache.ts";

type MetricRow = NonNullable<Awaited<ReturnType<typeof metricDefinitions.findMetricForUpdate>>>;

interface Deps {
  db: Db;
  clock: Clock;
  catalogCache: CatalogCache;
}

/** What is counted, and what becomes of what comes late. Other processes know of a new metric within ten seconds. */
export function createOperatorMetrics({ db, clock, catalogCache }: Deps) {
  const listMetrics = async ({ limit, cursor }: PageQuery): Promise<Page<MetricDto>> => {
    const page = { limit: limit + 1, after: readCursor(cursor) };
    return toPage(await metricDefinitions.listMetricDefinitions(db, page), limit, {
      position: (row) => ({ at: row.createdAt, id: row.metric }),
      item: toMetricDto,
    });
  };

  /** @throws METRIC_EXISTS. */
  const createMetric = async (actor: string, body: CreateMetricBody): Promise<MetricDto> => {
    const { uniqueProperty = null, ...given } = body;
    const row: MetricRow = { ...given, uniqueProperty, createdAt: clock.now() };
    await db.transaction(async (tx) => {
      if ((await metricDefinitions.insertMetric(tx, row)) === 0)
        throw new AppError("METRIC_EXISTS", `There is a metric "${row.metric}" already.`);
      const detail = { aggregation: row.aggregation, latePolicy: row.latePolicy };
      const entry = { actor, action: "metric.created", target: row.metric, detail, now: clock.now() };
      await auditLog.insertAuditEntry(tx, entry);
    });
    await catalogCache.refresh();
    return toMetricDto(row);
  };

  /** Another late policy holds for an account as soon as its limits are pushed, within a second. @throws NOT_FOUND. */
  const updateMetric = async (actor: string, metric: string, body: UpdateMetricBody): Promise<MetricDto> => {
    const changed = await db.transaction(async (tx) => {
      const row = await metricDefinitions.findMetricForUpdate(tx, metric);
      if (row === null) throw new AppError("NOT_FOUND", `There is no metric "${metric}".`);
      const next: MetricRow = {
        ...row,
        name: body.name ?? row.name,
        groupByKeys: body.groupByKeys ?? row.groupByKeys,
        latePolicy: body.latePolicy ?? row.latePolicy,
      };
      await metricDefinitions.updateMetric(tx, next);
      const now = clock.now();
      if (next.latePolicy !== row.latePolicy)
        await metricDefinitions.raiseLimitsOfBilled(tx, metric, new Date(now.getTime() - eventAgeMaxMs));
      await auditLog.insertAuditEntry(tx, {
        actor,
        action: "metric.changed",
        target: metric,
        detail: body,
        now,
      });
      return next;
    });
    await catalogCache.refresh();
    return toMetricDto(changed);
  };

  return { listMetrics, createMetric, updateMetric };
}

const toMetricDto = (row: MetricRow): MetricDto => ({ ...row, createdAt: row.createdAt.toISOString() });
