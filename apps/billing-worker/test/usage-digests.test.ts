import { createHash } from "node:crypto";
import { type Db, sql, usageIndexes } from "@driftlock/db";
import { expect, test } from "vitest";
import { retilePeriods } from "../src/periods/retile-periods.ts";
import { at, openAccount, putSubscription, storeEvents } from "./helpers.ts";
import { openReconciling } from "./reconciliation-world.ts";
import { dyingDb } from "./time-world.ts";

const opened = at("2026-01-31T10:00:00");
const proPeriod = [at("2026-02-10T12:00:00"), at("2026-03-10T12:00:00")] as const;
const now = at("2026-03-20T00:00:00");

const digestsOf = (db: Db, accountId: string) =>
  db.rows<{ line: string; digest: string }>(
    "test",
    sql`select concat_ws(' ', to_char(period_start at time zone 'utc', 'MM-DD'), metric, 'v' || version, event_count, quantity) as line,
      digest from usage_digests where account_id = ${accountId}::text order by period_start, metric, version`,
  );

const close = (db: Db, accountId: string) =>
  db.run(
    "test",
    sql`update usage_periods set closed_at = period_end where account_id = ${accountId}::text
      and period_end <= '2026-03-15'`,
  );

/** ADR 0023, of events as `storeEvents` names them. */
async function expectedDigest(
  db: Db,
  accountId: string,
  [from, until]: readonly [Date, Date],
): Promise<string> {
  const rows = await db.rows<{ id: string; quantity: number }>(
    "test",
    sql`select event_id as id, quantity from usage_records where account_id = ${accountId}::text and metric = 'events'
      and occurred_at >= ${from}::timestamptz and occurred_at < ${until}::timestamptz`,
  );
  const sum = rows.reduce((before, { id, quantity }) => {
    const text = `driftlock.usage.v1\n${accountId}\nevents\n${quantity}\n${id}`;
    return before + BigInt(`0x${createHash("sha256").update(text).digest("hex")}`);
  }, 0n);
  return (sum % 2n ** 256n).toString(16).padStart(64, "0");
}

test("a closed period gets the digest of its events, a late one makes another version, and Free counts on apart", {
  timeout: 60_000,
}, async () => {
  const { db, reconcile } = await openReconciling({ openedAt: opened, now });
  await openAccount(db, "acme", opened);
  await storeEvents(db, "acme", [
    { at: at("2026-02-05T00:00:00"), quantity: 7 },
    { at: at("2026-02-10T12:00:00"), quantity: 100 },
    { at: at("2026-02-10T12:00:01"), quantity: 3 },
    { at: at("2026-02-11T00:00:00"), metric: "storage_bytes", quantity: 900 },
  ]);
  await putSubscription(db, { accountId: "acme", period: proPeriod, isEndingWithPeriod: true });
  await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now: at("2026-02-10T12:00:03") }));
  await reconcile();
  expect(await digestsOf(db, "acme")).toEqual([]);

  await close(db, "acme");
  await reconcile();
  await reconcile();
  const first = await digestsOf(db, "acme");
  expect(first.map(({ line }) => line)).toEqual([
    "01-31 events v1 1 7",
    "02-10 events v1 2 103",
    "02-10 storage_bytes v1 1 900",
  ]);
  expect(first[1]?.digest).toBe(await expectedDigest(db, "acme", proPeriod));

  await reconcile();
  expect(await digestsOf(db, "acme")).toEqual(first);

  await storeEvents(db, "acme", [{ at: at("2026-02-20T00:00:00"), quantity: 5 }]);
  await reconcile();
  await reconcile();
  const later = await digestsOf(db, "acme");
  expect(later.map(({ line }) => line)).toEqual([
    ...first.slice(0, 2).map(({ line }) => line),
    "02-10 events v2 3 108",
    "02-10 storage_bytes v1 1 900",
  ]);
  expect(later[2]?.digest).toBe(await expectedDigest(db, "acme", proPeriod));
});

test("wherever it dies the reading goes on, and what is stored meanwhile is in it", {
  timeout: 60_000,
}, async () => {
  const { db, reconcile } = await openReconciling({ openedAt: opened, now });
  await openAccount(db, "acme", opened);
  await db.run(
    "test",
    sql`insert into usage_records (account_id, event_id, metric, quantity, occurred_at, received_at, generation)
    select 'acme', 'e' || n, 'events', 1, ${at("2026-02-05T00:00:00")}::timestamptz, now(), 1 from generate_series(1, 12000) n`,
  );
  await db.run(
    "test",
    sql`insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
    values ('acme', 'events', ${opened}::timestamptz, 12000, 12000, ${at("2026-02-05T00:00:00")}::timestamptz)`,
  );
  await close(db, "acme");
  for (let calls = 1; (await digestsOf(db, "acme")).length === 0; calls += 1) {
    expect(calls).toBeLessThan(60);
    await reconcile(dyingDb(db, calls)).catch((error: Error) => expect(error.message).toBe("crashed"));
    // Behind what was read already, or before it: the totals tell.
    if (calls === 8)
      await storeEvents(db, "acme", [
        { at: at("2026-02-06T00:00:00"), quantity: 1 },
        { at: at("2026-02-07T00:00:00"), metric: "alerts", quantity: 1 },
      ]);
  }
  const digests = await digestsOf(db, "acme");
  expect(digests.map(({ line }) => line)).toEqual(["01-31 alerts v1 1 1", "01-31 events v1 12001 12001"]);
  expect(digests[1]?.digest).toBe(await expectedDigest(db, "acme", [opened, at("2026-02-28T10:00:00")]));
  expect(await db.rows("test", sql`select * from usage_readings`)).toEqual([]);
});

test("a reading leaves a large table without an index alone, for ten minutes, and then asks for it", async () => {
  const { db, reconcile, wait } = await openReconciling({ openedAt: opened, now });
  await openAccount(db, "acme", opened);
  await storeEvents(db, "acme", [{ at: at("2026-02-05T00:00:00") }]);
  await db.run(
    "test",
    sql`insert into usage_records (account_id, event_id, metric, quantity, occurred_at, received_at, generation)
    select 'other', 'e' || n, 'events', 1, now(), now(), 1 from generate_series(1, 250000) n`,
  );
  await close(db, "acme");
  const asked = async () =>
    (await usageIndexes.listDueIndexes(db, 3_600_000)).map(({ generation }) => generation);
  for (let round = 0; round < 3; round++) await reconcile();
  expect([await digestsOf(db, "acme"), await asked()]).toEqual([[], []]);
  wait(11 * 60 * 1000);
  await reconcile();
  expect((await digestsOf(db, "acme")).map(({ line }) => line)).toEqual(["01-31 events v1 1 1"]);
  expect(await asked()).toEqual([1]);
});

test("a period whose records were dropped has none", async () => {
  const { db, reconcile } = await openReconciling({ openedAt: opened, now });
  await openAccount(db, "acme", opened);
  await storeEvents(db, "acme", [{ at: at("2026-02-05T00:00:00") }]);
  await close(db, "acme");
  await db.run("test", sql`select rotate_usage_generation(1, ${at("2026-02-06T00:00:00")}::timestamptz)`);
  await db.run("test", sql`select drop_usage_generation(1)`);
  await reconcile();
  await reconcile();
  expect(await digestsOf(db, "acme")).toEqual([]);
  expect(await db.rows("test", sql`select * from usage_readings`)).toEqual([]);
});
