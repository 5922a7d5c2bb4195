import { accounts, catalog, createDb, type Db, seedCatalog, sql, usagePeriods } from "@driftlock/db";
import { openTestStores } from "@driftlock/devkit";
import { accountLimits, driftPersistsMs } from "@driftlock/domain";
import { createRedis, partitionOf, seedCounters } from "@driftlock/redis";
import { createLogger, Lifecycle } from "@driftlock/runtime";
import { onTestFinished } from "vitest";
import { reconciliationSchedules } from "../src/reconciliation/schedules.ts";
import { at } from "./helpers.ts";

const partitions = 2;

/** A Postgres and a Redis of one's own, with the comparison's ticks; `now` is their business time. */
export async function openReconciling({ openedAt, now }: { openedAt: Date; now: Date }) {
  const life = new Lifecycle();
  onTestFinished(() => life.close());
  const { db, redis } = await openTestStores({
    life,
    openDb: (url) => createDb({ connectionString: url, applicationName: "test", connectionsMax: 5 }),
    openRedis: (url) =>
      createRedis({ url, connectionName: "test", purpose: "requests", onConnectionError: () => {} }),
  });
  await seedCatalog(db, { mode: "simulator", usagePartitions: partitions, now: openedAt });
  const told: object[] = [];
  const quiet = createLogger({ name: "test", level: "silent" });
  const log = { ...quiet, info: quiet.info.bind(quiet), error: (fields: object) => void told.push(fields) };
  const wall = { ms: Date.now() };
  const deps = {
    redis,
    // Their walks are in a test of their own.
    stripe: undefined as never,
    producer: undefined as never,
    clock: { now: () => now },
    wallClock: { now: () => new Date(wall.ms) },
    log: log as never,
  };

  return {
    db,
    redis,
    /** What a person was told. */
    told,
    /** Every tick once, each due; `beside` is the database that they see. */
    reconcile: async (beside: Db = db): Promise<void> => {
      await db.run(
        "test",
        sql`update reconciliation_walks set next_at = '-infinity' where walk not like 'stripe-%'`,
      );
      await db.run("test", sql`update usage_readings set step_at = '-infinity'`);
      await db.run("test", sql`update reconciliations set look_at = '-infinity' where look_at is not null`);
      for (const { run } of reconciliationSchedules({ ...deps, db: beside })) await run();
    },
    /** Long enough that what differs has lasted. */
    wait: (ms = driftPersistsMs) => void (wall.ms += ms),
    /** Builds an account's live counters from its totals, as the gateway does. */
    buildCounters: async (accountId: string, extra = 0): Promise<void> => {
      const account = await accounts.findAccount(db, accountId);
      const periods = await usagePeriods.listPeriods(db, accountId, at("2026-01-01T00:00:00"));
      const [plans, metrics] = await Promise.all([catalog.listPlans(db), catalog.listMetrics(db)]);
      const version = account?.limitsVersion ?? 0;
      const limits = accountLimits({ accountId, version, periods, plans, metrics, spendCapMinor: null, now });
      if (limits === null) throw new Error("no period holds now");
      const totals = await db.rows<{ segmentStartMs: number; metric: string; quantity: number }>(
        "test",
        sql`select (extract(epoch from period_start) * 1000)::bigint as "segmentStartMs", metric, quantity
        from usage_totals where account_id = ${accountId}::text`,
      );
      const counted = totals.map((total) => ({
        ...total,
        quantity: total.quantity + extra,
        lastOccurredAtMs: now.getTime(),
      }));
      await seedCounters(redis, partitionOf(accountId, partitions), {
        accounts: [{ limits, totals: counted }],
        position: { epoch: "", streamId: "0-0" },
      });
    },
    /** The comparisons of an account in one line each, with what differs. */
    compared: async (accountId: string): Promise<string[]> => {
      const rows = await db.rows<{
        line: string;
        differences: { kind: string; expected: number; found: number }[];
      }>(
        "test",
        sql`select concat_ws(' ', to_char(period_start at time zone 'utc', 'MM-DD'), metric, state) as line, differences
        from reconciliations where account_id = ${accountId}::text order by period_start, metric`,
      );
      return rows.map(({ line, differences }) =>
        [line, ...differences.map(({ kind, expected, found }) => `${kind} ${found}, not ${expected}`)].join(
          ": ",
        ),
      );
    },
  };
}

export type ReconcilingWorld = Awaited<ReturnType<typeof openReconciling>>;
