// All that the benchmark knows of our schema.
import { Client } from "pg";

/** A plan with a limit that refuses, so that every event is decided, and so high that none is refused. */
const plan = { id: "business", version: 1_000, limit: 900_000_000_000_000 } as const;

/** An account of its own for what is watched during a row. */
export const probeAccountId = "bench_probe";

export async function connectTo(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl, application_name: "driftlock-bench" });
  client.on("error", () => {}); // the query that is on its way tells
  await client.connect();
  return client;
}

/** Makes `count` accounts (and the probe's) with this month and the next as their periods. */
export async function createAccounts(sql: Client, count: number): Promise<void> {
  await sql.query(
    `insert into subscription_plans (plan_id, version, name, rank, price_amount_minor, currency, billing_interval,
       retention_days, support, is_current, created_at)
     select plan_id, $2::int, name, rank, price_amount_minor, currency, billing_interval, retention_days, support,
       false, now() from subscription_plans where plan_id = $1::text and version = 1`,
    [plan.id, plan.version],
  );
  await sql.query(
    `insert into plan_limits (plan_id, plan_version, metric, included_quantity, overage_policy)
     select plan_id, $2::int, metric, $3::bigint, 'refuse' from plan_limits where plan_id = $1::text and plan_version = 1`,
    [plan.id, plan.version, plan.limit],
  );
  await sql.query(
    `insert into accounts (account_id, free_anchor_at, created_at)
     select id, now() - interval '40 days', now() - interval '40 days' from (
       select 'bench_' || lpad(n::text, 6, '0') as id from generate_series(0, $1::int - 1) as n
       union all select $2::text) as ids`,
    [count, probeAccountId],
  );
  await sql.query(
    `insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version)
     select account_id, month, month + interval '1 month', $1::text, $2::int from accounts,
       generate_series(date_trunc('month', now()) - interval '2 months', now() + interval '1 month', '1 month') as month
     where starts_with(account_id, 'bench_')`,
    [plan.id, plan.version],
  );
  await sql.query("analyze");
  // The database is a copy of one that may be older than a generation is written without its index.
  await sql.query("update usage_generations set made_at = clock_timestamp()");
}

/** Where a generation of records ends in a real installation. */
const generationRowsMax = 4_000_000;

/**
 * Lays `count` records of the past 30 days into the generations that they would be in, with random ids, spread over the
 * accounts. All of these are sealed.
 */
export async function fillRecords(sql: Client, count: number, accounts: number): Promise<void> {
  for (let from = 0; from < count; from += generationRowsMax) {
    const to = Math.min(count, from + generationRowsMax);
    const { rows } = await sql.query<{ generation: number; table: string }>(
      `select generation, table_name as "table" from usage_generations where sealed_at is null`,
    );
    const { generation, table } = rows[0] ?? { generation: 0, table: "" };
    await sql.query(
      `insert into ${table} (account_id, event_id, metric, quantity, occurred_at, received_at)
       select 'bench_' || lpad((n % $4::int)::text, 6, '0'), gen_random_uuid()::text, 'events', 1, at, at
       from (select n, now() - interval '30 days' + interval '29 days' * (n::float8 / $3::float8) as at
         from generate_series($1::bigint, $2::bigint - 1) as n) as numbered`,
      [from, to, count, accounts],
    );
    await sealGeneration(sql, generation);
    await sql.query("select index_usage_generation($1::int)", [generation]);
    await sql.query(`vacuum (analyze) ${table}`);
  }
  await sql.query("checkpoint");
}

/** Ends a generation as the aggregators do, with the streams at a place of their own: else it would count as empty. */
async function sealGeneration(sql: Client, generation: number): Promise<void> {
  await sql.query(
    `insert into usage_stream_positions (partition_no, epoch, last_stream_id)
     select partition_no, 'filled', $1::int || '-0'
     from installation, generate_series(0, usage_partitions - 1) as partition_no
     on conflict (partition_no) do update set last_stream_id = excluded.last_stream_id`,
    [generation],
  );
  await sql.query("select rotate_usage_generation($1::int, now() - interval '1 day')", [generation]);
}

/** Whether the aggregators have a filter of every sealed generation, made from its records. */
export async function hasFilters(sql: Client): Promise<boolean> {
  const { rows } = await sql.query<{ missing: string }>(
    `select count(*) as missing from usage_generations g where g.sealed_at is not null and
       (select count(distinct f.partition_no) from usage_id_filters f where f.generation = g.generation)
         < (select usage_partitions from installation)`,
  );
  return Number(rows[0]?.missing) === 0;
}

export interface Figures {
  events: number;
  quantity: number;
}

/** What was stored since an instant, as each of the three places has it; what was laid there before is in records alone. */
export async function readStored(
  sql: Client,
  since: Date,
): Promise<{ records: Figures; totals: Figures; minutes: Figures; quarantined: number }> {
  const figures = async (text: string, values: unknown[] = []): Promise<Figures> => {
    const { rows } = await sql.query<{ events: string; quantity: string }>(text, values);
    return { events: Number(rows[0]?.events), quantity: Number(rows[0]?.quantity) };
  };
  const sums = "coalesce(sum(event_count), 0) as events, coalesce(sum(quantity), 0) as quantity";
  const { rows } = await sql.query<{ count: string }>("select count(*) from usage_quarantine");
  return {
    records: await figures(
      "select count(*) as events, coalesce(sum(quantity), 0) as quantity from usage_records where received_at >= $1",
      [since],
    ),
    totals: await figures(`select ${sums} from usage_totals`),
    minutes: await figures(`select ${sums} from usage_minutes`),
    quarantined: Number(rows[0]?.count),
  };
}

/** How many events the totals hold. */
export async function countStored(sql: Client): Promise<number> {
  const { rows } = await sql.query<{ events: string | null }>(
    "select sum(event_count) as events from usage_totals",
  );
  return Number(rows[0]?.events ?? 0);
}

/** How many events the totals of one account hold. */
export async function countStoredOf(sql: Client, accountId: string): Promise<number> {
  const { rows } = await sql.query<{ events: string | null }>(
    "select sum(event_count) as events from usage_totals where account_id = $1",
    [accountId],
  );
  return Number(rows[0]?.events ?? 0);
}

/** How many streams there are. */
export async function readPartitions(sql: Client): Promise<number> {
  const { rows } = await sql.query<{ usage_partitions: number }>("select usage_partitions from installation");
  return rows[0]?.usage_partitions ?? 0;
}

/** The columns that a record has, with a text key and no other index: what a bare COPY is measured against. */
export const copyTable = {
  name: "bench_copy",
  create: `create table bench_copy (account_id text not null, metric text not null, event_id text collate "C" not null,
    quantity bigint not null, occurred_at timestamptz not null, received_at timestamptz not null, properties jsonb,
    primary key (account_id, event_id))`,
  copy: `copy bench_copy (account_id, metric, event_id, quantity, occurred_at, received_at, properties)
    from stdin (format binary)`,
};
