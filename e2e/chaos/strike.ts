import { createDb, sql } from "@driftlock/db";
import { Redis } from "ioredis";
import type { Strike } from "./plan-strikes.ts";
import type { Processes } from "./processes.ts";

interface Targets {
  processes: Processes;
  databaseUrl: string;
  redisUrl: string;
}

const lookMsMax = 3_000;

/** What Redis may have answered and not yet written when it dies: a second between syncs, two more behind a slow disk. */
const unwrittenMs = 3_500;
const clockMs = 500;

export interface Struck {
  /** What came of it, in a word. */
  what: string;
  /** What was acknowledged in this span may be lost with Redis's data. */
  atRisk?: { fromMs: number; toMs: number };
}

/** Strikes; a freeze resolves when it is over. */
export async function strikeAt(strike: Strike, targets: Targets): Promise<Struck> {
  switch (strike.kind) {
    case "kill":
      await targets.processes.kill(strike.victim);
      return {
        what: "killed",
        ...(strike.victim === "redis" && { atRisk: endingNow(Date.now() - unwrittenMs) }),
      };
    case "freeze":
      await targets.processes.freeze(strike.victim, strike.ms);
      return { what: "goes on" };
    case "cut-copy":
      return { what: await cutCopy(targets.databaseUrl) };
    case "kill-unanswered":
      return { what: await killUnanswered(targets) };
    case "flush":
      return flush(targets.redisUrl);
  }
}

const endingNow = (fromMs: number) => ({ fromMs: fromMs - clockMs, toMs: Date.now() + clockMs });

/** Everything that Redis knows is gone at once, and with it what was not committed: the streams' entries. */
async function flush(redisUrl: string): Promise<Struck> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 20 });
  redis.on("error", () => {});
  try {
    const keys = await redis.keys("{dlu:*}:stream");
    const transaction = redis.multi();
    for (const key of keys) transaction.xrange(key, "-", "+", "COUNT", 1);
    const replies = (await transaction.flushall().exec()) ?? [];
    const oldestMs = replies
      .flatMap(([, entries]) => (Array.isArray(entries) ? (entries as [string, string[]][]) : []))
      .map(([id]) => Number.parseInt(id, 10));
    return { what: "forgotten", atRisk: endingNow(Math.min(Date.now(), ...oldestMs)) };
  } catch {
    return { what: "no Redis", atRisk: endingNow(Date.now()) };
  } finally {
    redis.disconnect();
  }
}

/** Looks inside of Postgres: from here a COPY would be over before it is seen. */
async function cutCopy(databaseUrl: string): Promise<string> {
  const db = createDb({
    connectionString: databaseUrl,
    applicationName: "driftlock-chaos",
    connectionsMax: 1,
    onConnectionError: () => {},
  });
  try {
    await db.run("chaos.table", sql`create temporary table cut (pid int)`);
    await db.run(
      "chaos.cutCopy",
      sql`do $$ declare found_pid int; give_up timestamptz := clock_timestamp() + interval '3 s';
      begin
        while found_pid is null and clock_timestamp() < give_up loop
          perform pg_stat_clear_snapshot();
          select pid into found_pid from pg_stat_activity
            where state = 'active' and query ilike 'copy usage%' and pid <> pg_backend_pid() limit 1;
        end loop;
        if found_pid is not null then
          perform pg_terminate_backend(found_pid);
          insert into cut values (found_pid);
        end if;
      end $$`,
    );
    const cut = await db.row("chaos.cut", sql`select pid from cut`);
    return cut === null ? "no COPY ran" : "cut";
  } catch {
    return "no Postgres";
  } finally {
    await db.end();
  }
}

/** Redis tells of an entry while the gateway still reads the answer of its call, or makes the next one. */
async function killUnanswered({ redisUrl, processes }: Targets): Promise<string> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    retryStrategy: () => null,
    commandTimeout: lookMsMax + 1_000,
  });
  redis.on("error", () => {});
  try {
    await redis.connect();
    const keys = await redis.keys("{dlu:*}:stream");
    const entry = await redis.xread("BLOCK", lookMsMax, "STREAMS", ...keys, ...keys.map(() => "$"));
    await processes.kill("api");
    return entry === null ? "killed with nothing under way" : "killed";
  } catch {
    await processes.kill("api");
    return "killed without Redis";
  } finally {
    redis.disconnect();
  }
}
