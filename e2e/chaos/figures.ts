import { connectRedis, type Driver, until } from "@driftlock/devkit";
import { createDb, type Db, sql } from "@driftlock/db";
import { fate, type PushLoad } from "./push-load.ts";

const pageRows = 50_000;
const drainMsMax = 60_000;
const agreeMsMax = 20_000;

/** The streams' keys (packages/redis keys.ts); there are fewer partitions, and what is not there is empty. */
const streams = Array.from({ length: 16 }, (_, partition) => `{dlu:${partition}}:stream`);

export interface StoredFigures {
  events: number;
  /** Acknowledged and not stored, by number. */
  missing: number[];
  /** What must not be there: refused, never sent, stored twice, or stored with another account or quantity. */
  wrong: string[];
  ofMetric(accountId: string, metric: string): number;
}

/** Resolves when nothing that was accepted waits to be committed any more, and what was not stored is taken back. */
export async function untilDrained({
  redisUrl,
  databaseUrl,
}: {
  redisUrl: string;
  databaseUrl: string;
}): Promise<void> {
  const redis = connectRedis(redisUrl, { tries: 20 });
  try {
    const isEmpty = async () => {
      // By key: a client of a cluster does not know at once of every node that has come back.
      const lengths = await Promise.all(streams.map((key) => redis.xlen(key)));
      return lengths.every((length) => length === 0);
    };
    await until("everything is committed", isEmpty, drainMsMax);
  } finally {
    redis.disconnect();
  }
  // A commit's corrections reach the live counters after its entries have left the stream.
  await withDb(databaseUrl, (db) =>
    until(
      "the live counters are corrected",
      async () => {
        const [row] = await db.rows<{ open: number }>(
          "chaos.countCorrections",
          sql`select count(*)::int as open from usage_corrections`,
        );
        return row?.open === 0;
      },
      drainMsMax,
    ),
  );
}

/** Compares what is stored with what producers know, event by event. */
export async function compareStored(
  databaseUrl: string,
  load: PushLoad,
  accountIds: readonly string[],
): Promise<StoredFigures> {
  const stored = new Uint8Array(load.count());
  const wrong: string[] = [];
  const sums = new Map<string, number>();
  let events = 0;
  await withDb(databaseUrl, async (db) => {
    for (const accountId of accountIds) {
      for (let after = ""; ; ) {
        const rows = await db.rows<{ id: string; metric: string; quantity: number }>(
          "e2e.records",
          sql`select event_id as "id", metric, quantity from usage_records
            where account_id = ${accountId}::text and event_id > ${after}::text collate "C"
            order by event_id collate "C" limit ${pageRows}::int`,
        );
        for (const { id, metric, quantity } of rows) {
          const number = load.numberOf(id);
          const sent = load.eventOf(number);
          if (load.fateOf(number) !== fate.acknowledged)
            wrong.push(`${id} is stored and was not acknowledged`);
          if (stored[number] === 1) wrong.push(`${id} is stored twice`);
          if (sent.accountId !== accountId || sent.metric !== metric || sent.quantity !== quantity)
            wrong.push(`${id} is stored as ${quantity} of ${metric}`);
          stored[number] = 1;
          sums.set(`${accountId} ${metric}`, (sums.get(`${accountId} ${metric}`) ?? 0) + quantity);
        }
        events += rows.length;
        if (rows.length < pageRows) break;
        after = rows.at(-1)?.id ?? "";
      }
    }
  });
  const missing: number[] = [];
  for (let number = 0; number < load.count(); number++) {
    if (load.fateOf(number) === fate.acknowledged && stored[number] !== 1) missing.push(number);
  }
  return { events, missing, wrong, ofMetric: (accountId, metric) => sums.get(`${accountId} ${metric}`) ?? 0 };
}

/** One account's metric: what producers know of, and every figure that must be the same. */
export interface MetricFigures {
  accountId: string;
  metric: string;
  acknowledged: number;
  records: number;
  totals: number;
  minutes: number;
  /** GET /billing/usage. */
  shown: number;
  /** What the quota decision counts from. */
  live: number;
}

const isLevel = (metric: string) => metric === "storage_bytes";

/** Every figure of every metric that the load touched, once they agree or after 20 s, whatever they are then. */
export async function readFigures(driver: Driver, load: PushLoad): Promise<MetricFigures[]> {
  const expected = new Map<string, number>();
  for (let number = 0; number < load.count(); number++) {
    if (load.fateOf(number) !== fate.acknowledged) continue;
    const { accountId, metric, quantity } = load.eventOf(number);
    const key = `${accountId} ${metric}`;
    const before = expected.get(key) ?? 0;
    expected.set(key, isLevel(metric) ? Math.max(before, quantity) : before + quantity);
  }
  const look = (): Promise<MetricFigures[]> =>
    withDb(driver.dev.databaseUrl, (db) =>
      Promise.all(
        [...expected].map(async ([key, acknowledged]) => {
          const [accountId = "", metric = ""] = key.split(" ");
          return {
            accountId,
            metric,
            acknowledged,
            ...(await readMetric({ driver, db }, accountId, metric)),
          };
        }),
      ),
    );
  let latest: MetricFigures[] = [];
  const agree = async () => {
    latest = await look();
    return latest.every((figures) => differencesOf(figures).length === 0);
  };
  // What is not so after this long is for the caller to say, with all figures.
  await until("all figures agree", agree, agreeMsMax).catch(() => {});
  return latest;
}

/** In words; none where all is well. */
export function differencesOf(figures: MetricFigures): string[] {
  const { accountId, metric, acknowledged } = figures;
  return (["records", "totals", "minutes", "shown", "live"] as const)
    .filter((name) => figures[name] !== acknowledged)
    .map((name) => `${accountId} ${metric}: acknowledged ${acknowledged}, ${name} ${figures[name]}`);
}

async function readMetric({ driver, db }: { driver: Driver; db: Db }, accountId: string, metric: string) {
  const stored = await db.row<{ records: number; totals: number; minutes: number }>(
    "e2e.figures",
    sql`with found as (
        select 'records' as source, quantity from usage_records
          where account_id = ${accountId}::text and metric = ${metric}::text
        union all select 'totals', quantity from usage_totals
          where account_id = ${accountId}::text and metric = ${metric}::text
        union all select 'minutes', quantity from usage_minutes
          where account_id = ${accountId}::text and metric = ${metric}::text),
      summed as (select source, case when ${isLevel(metric)}::bool then max(quantity) else sum(quantity) end as quantity
        from found group by source)
    select coalesce(max(quantity) filter (where source = 'records'), 0)::bigint as records,
      coalesce(max(quantity) filter (where source = 'totals'), 0)::bigint as totals,
      coalesce(max(quantity) filter (where source = 'minutes'), 0)::bigint as minutes from summed`,
  );
  const check = await driver.request<{ items: { used: number }[] }>("POST", "/billing/quota/check", {
    body: { accountId, items: [{ metric, quantity: 0 }] },
  });
  return {
    records: stored?.records ?? 0,
    totals: stored?.totals ?? 0,
    minutes: stored?.minutes ?? 0,
    shown: (await driver.metric(accountId, metric)).used,
    live: check.body.items[0]?.used ?? -1,
  };
}

async function withDb<T>(connectionString: string, work: (db: Db) => Promise<T>): Promise<T> {
  const db = createDb({ connectionString, applicationName: "driftlock-chaos", connectionsMax: 2 });
  try {
    return await work(db);
  } finally {
    await db.end();
  }
}
