import { sql } from "@driftlock/db";
import { reportLagMs } from "@driftlock/domain";
import { keys, partitionOf } from "@driftlock/redis";
import { expect, test } from "vitest";
import { at, openAccount, putSubscription, storeEvents } from "./helpers.ts";
import { openReconciling, type ReconcilingWorld } from "./reconciliation-world.ts";
import { retilePeriods } from "../src/periods/retile-periods.ts";
import { dyingDb } from "./time-world.ts";

const openedAt = at("2026-01-31T10:00:00");
const paid = [at("2026-02-10T12:00:00"), at("2026-03-10T12:00:00")] as const;
const now = at("2026-02-20T00:00:00");

/** acme is on Pro since 10 February and has used 150,000 events; its live counters are built. */
async function openPaying(): Promise<ReconcilingWorld> {
  const world = await openReconciling({ openedAt, now });
  const { db } = world;
  await openAccount(db, "acme", openedAt);
  await putSubscription(db, { accountId: "acme", period: paid });
  await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now: at("2026-02-10T12:00:01") }));
  await storeEvents(db, "acme", [
    { at: at("2026-02-05T00:00:00"), quantity: 7 },
    { at: at("2026-02-11T00:00:00"), quantity: 150_000 },
    { at: at("2026-02-11T00:00:00"), metric: "storage_bytes", quantity: 900 },
  ]);
  await world.buildCounters("acme");
  return world;
}

const report = ({ db }: ReconcilingWorld, quantity: number, state = "sent") =>
  db.run(
    "test",
    sql`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity, to_quantity,
      stripe_customer_id, meter_event_name, event_at, state, created_at)
    select 'r' || n, 'acme', 'events', ${paid[0]}::timestamptz, n, 0, ${quantity}::bigint, 'cus_1', 'driftlock_events', now(),
      ${state}::text, now() from (select count(*)::int + 1 as n from usage_reports) w`,
  );

const closePaid = ({ db }: ReconcilingWorld) =>
  db.run(
    "test",
    sql`update usage_periods set closed_at = period_end where period_start = ${paid[0]}::timestamptz`,
  );

const invoice = ({ db }: ReconcilingWorld, quantity: number, status = "paid") => {
  const line = {
    lineId: "il_1",
    metric: "events",
    quantity,
    amountMinor: 2_500,
    periodStart: paid[0].toISOString(),
    periodEnd: paid[1].toISOString(),
  };
  return db.run(
    "test",
    sql`insert into invoices (invoice_id, account_id, stripe_subscription_id, status, total_minor, amount_due_minor,
      amount_paid_minor, amount_remaining_minor, currency, period_start, period_end, lines, created_at, finalized_at, fetch_sequence)
    values ('in_1', 'acme', 'sub_1', ${status}::text, 5400, 5400, 0, 5400, 'usd', ${paid[0]}::timestamptz, ${paid[1]}::timestamptz,
      ${JSON.stringify([line])}::jsonb, ${paid[1]}::timestamptz, ${paid[1]}::timestamptz, 1)
    on conflict (invoice_id) do update set lines = excluded.lines, status = excluded.status`,
  );
};

const lookTwice = async (world: ReconcilingWorld): Promise<void> => {
  await world.reconcile();
  world.wait();
  await world.reconcile();
};

test("five figures that agree, open and closed, are said to; readings find the records", {
  timeout: 60_000,
}, async () => {
  const world = await openPaying();
  await report(world, 150_000);
  await lookTwice(world);
  await lookTwice(world);
  const agreed = ["01-31 events agrees", "02-10 events agrees", "02-10 storage_bytes agrees"];
  expect(await world.compared("acme")).toEqual(agreed);
  await closePaid(world);
  await invoice(world, 0, "draft");
  await lookTwice(world);
  expect((await world.compared("acme"))[1]).toBe("02-10 events in_flight: invoiced 0, not 150000");
  await invoice(world, 150_000);
  await lookTwice(world);
  await lookTwice(world);
  expect(await world.compared("acme")).toEqual(agreed);
  const [row] = await world.db.rows<{ figures: object }>(
    "test",
    sql`select figures from reconciliations where metric = 'events' and period_start = ${paid[0]}::timestamptz`,
  );
  expect(row?.figures).toMatchObject({
    accepted: 150_000,
    stored: 150_000,
    total: 150_000,
    live: 150_000,
    reported: 150_000,
    waiting: 0,
    adjusted: 0,
    invoiced: 150_000,
  });
  expect(world.told).toEqual([]);
});

test("each figure that drifts is found, told once, and forgotten when it agrees again", {
  timeout: 60_000,
}, async () => {
  const world = await openPaying();
  await report(world, 150_000);
  await world.buildCounters("acme", 3);
  await world.db.run("test", sql`delete from usage_records where account_id = 'acme' and quantity = 150000`);
  await lookTwice(world);
  expect((await world.compared("acme"))[1]).toContain("drifted");
  await lookTwice(world);
  await lookTwice(world);
  expect(await world.compared("acme")).toEqual([
    "01-31 events drifted: live 10, not 7",
    "02-10 events drifted: live 150003, not 150000: stored 0, not 150000",
    "02-10 storage_bytes drifted: live 903, not 900",
  ]);
  expect(world.told).toMatchObject([
    { page: true, accountId: "acme", metric: "events" },
    { page: true, accountId: "acme", metric: "events" },
    { page: true, accountId: "acme", metric: "storage_bytes" },
  ]);
  await world.redis.hdel(keys.marks(partitionOf("acme", 2)), "acme");
  await world.reconcile();
  expect((await world.compared("acme"))[0]).toBe("01-31 events agrees");
});

test("what is on its way is no drift: accepted and not committed, counted and not frozen, frozen and not sent", {
  timeout: 60_000,
}, async () => {
  const world = await openPaying();
  const partition = partitionOf("acme", 2);
  await world.buildCounters("acme", 3);
  await world.redis.xadd(keys.stream(partition), "*", "a", "[]", "d", "[]");
  await world.reconcile();
  expect((await world.compared("acme"))[1]).toBe("02-10 events agrees");
  await world.redis.del(keys.stream(partition));
  await world.buildCounters("acme");
  world.wait(reportLagMs);
  await world.reconcile();
  expect((await world.compared("acme"))[1]).toBe("02-10 events in_flight: reported 0, not 150000");
  await report(world, 150_000, "pending");
  await lookTwice(world);
  expect((await world.compared("acme"))[1]).toBe("02-10 events agrees");
  await closePaid(world);
  await lookTwice(world);
  await lookTwice(world);
  expect((await world.compared("acme"))[1]).toContain("in_flight");
  expect(world.told).toEqual([]);
});

test("wherever the comparison dies, it comes to the same", { timeout: 60_000 }, async () => {
  const world = await openPaying();
  await report(world, 140_000, "failed");
  for (let calls = 1; calls < 60; calls += 1) {
    await world
      .reconcile(dyingDb(world.db, calls))
      .catch((error: Error) => expect(error.message).toBe("crashed"));
    world.wait(20_000);
  }
  expect(await world.compared("acme")).toEqual([
    "01-31 events agrees",
    "02-10 events drifted: reported 140000, not 150000: failed 140000, not 0",
    "02-10 storage_bytes agrees",
  ]);
});
