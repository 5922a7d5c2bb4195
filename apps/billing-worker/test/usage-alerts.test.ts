import { type Db, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { createUsageAlerts } from "../src/alerts/usage-alerts.ts";
import { at, openAccount, openDatabase, storeEvents } from "./helpers.ts";
import { dyingDb } from "./time-world.ts";

const openedAt = at("2026-03-01T00:00:00");
const cutAt = at("2026-03-15T00:00:00");

/** An account on Pro, or on what is given, and the worker's looks at its totals. */
async function openAlerts({ planId = "pro" } = {}) {
  const database = await openDatabase(openedAt);
  const { db } = database;
  let now = at("2026-03-10T00:00:00");
  let stored = 0;
  const clock = { now: () => now };
  await openAccount(db, "acme", openedAt);
  const setPlan = (plan: string, from = openedAt) =>
    db.run(
      "test",
      sql`update usage_periods set plan_id = ${plan}::text,
        stripe_subscription_id = case when ${plan}::text <> 'free' then 'sub_1' end where period_start >= ${from}::timestamptz`,
    );
  await setPlan(planId);
  const alerts = createUsageAlerts({ db, clock });
  const told = async () => {
    const rows = await db.rows<{ type: string; data: Record<string, unknown> }>(
      "test",
      sql`select type, data from notices order by notice_no`,
    );
    return rows.map(({ type, data }) => {
      const { metric, threshold, percent } = data;
      return `${type} ${String(metric)} ${JSON.stringify(threshold ?? percent)}`;
    });
  };
  return {
    ...database,
    db,
    ...alerts,
    told,
    setPlan,
    moveTo: (instant: Date) => {
      now = instant;
    },
    /** Usage dated now, stored with its minute as the aggregator does. */
    use: async (quantity: number, { metric = "events", minute = now } = {}) => {
      await storeEvents(db, "acme", [{ metric, quantity, at: new Date(now.getTime() + ++stored) }]);
      await db.run(
        "test",
        sql`insert into usage_minutes (account_id, metric, minute_at, quantity, event_count, last_occurred_at)
        values ('acme', ${metric}::text, ${minute}::timestamptz, ${quantity}::bigint, 1, ${now}::timestamptz) on conflict do nothing`,
      );
    },
    choose: (metric: string, thresholds: string[]) =>
      db.run(
        "test",
        sql`insert into usage_alerts values ('acme', ${metric}::text, ${thresholds}::text[])
        on conflict (account_id, metric) do update set thresholds = excluded.thresholds`,
      ),
    setCap: (amountMinor: number | null) =>
      db.run("test", sql`update accounts set spend_cap_minor = ${amountMinor}::bigint`),
    newLook: (other: Db = db) => createUsageAlerts({ db: other, clock }),
  };
}
const percents = (type: string, metric: string, ...values: number[]) =>
  values.map((percent) => `${type} ${metric} {"percent":${percent}}`);

test("each threshold is told once, as it is reached; a correction downwards and up again tells nothing twice", async () => {
  await using world = await openAlerts();
  await world.use(49_999);
  await world.tellMoved();
  expect(await world.told()).toEqual([]);
  await world.use(1);
  await world.tellMoved();
  await world.use(45_000);
  await Promise.all([world.tellMoved(), world.tellNext(), world.newLook().tellMoved()]);
  const half = percents("usage.threshold_reached", "events", 50, 80);
  expect(await world.told()).toEqual(half);
  await world.db.run("test", sql`update usage_totals set quantity = 40_000`);
  await world.tellNext();
  await world.use(20_000);
  await world.tellMoved();
  expect(await world.told()).toEqual(half);
  world.moveTo(at("2026-04-02T00:00:00"));
  await world.use(60_000);
  await world.tellMoved();
  expect(await world.told()).toEqual([...half, ...half.slice(0, 1)]);
});

test("what is spent and refused is exhausted; what has no end is told of by its quantity alone", async () => {
  await using world = await openAlerts();
  await world.use(1_000, { metric: "alerts" });
  await world.choose("api_requests", ["percent:10", "quantity:500"]);
  await world.use(500, { metric: "api_requests" });
  await world.choose("events", []);
  await world.use(1_000_000);
  await world.tellMoved();
  expect((await world.told()).sort()).toEqual([
    `quota.exhausted alerts {"percent":100}`,
    ...percents("usage.threshold_reached", "alerts", 50, 80),
    `usage.threshold_reached api_requests {"quantity":500}`,
  ]);
});

test("the spend cap: at 80 %, at its end, and a cap that is raised is not told of again", async () => {
  await using world = await openAlerts();
  await world.choose("events", []);
  await world.setCap(1_000);
  await world.use(115_999);
  await world.tellMoved();
  expect(await world.told()).toEqual(["spend_cap.approached events 80"]);
  await world.use(4_010);
  await world.tellMoved();
  expect(await world.told()).toEqual(["spend_cap.approached events 80", "spend_cap.reached events 100"]);
  await world.setCap(1_001);
  await world.tellNext();
  expect(await world.told()).toHaveLength(2);
});

test("late events, an account that does not move, and a threshold that is new are found in turns", async () => {
  await using world = await openAlerts();
  await world.use(60_000, { minute: at("2026-03-05T00:00:00") });
  await world.tellMoved();
  expect(await world.told()).toEqual([]);
  await world.tellNext();
  expect(await world.told()).toHaveLength(1);
  await world.choose("events", ["percent:50", "percent:55", "percent:90"]);
  // The end of the list, and its beginning again.
  await world.tellNext();
  await world.tellNext();
  expect(await world.told()).toEqual(percents("usage.threshold_reached", "events", 50, 55));
});

test("a plan that is changed in mid-period has its own thresholds; Free goes on where it was", async () => {
  await using world = await openAlerts({ planId: "free" });
  await world.use(6_000);
  await world.tellMoved();
  // Free until the cut, then Pro, then Free again: its counter goes on in the same cycle.
  const { db } = world;
  for (const [start, plan, subscription] of [
    [cutAt, "pro", "sub_1"],
    [at("2026-03-20T00:00:00"), "free", null],
  ] as const) {
    await db.run(
      "test",
      sql`update usage_periods set period_end = ${start}::timestamptz
      where period_start < ${start}::timestamptz and period_end > ${start}::timestamptz`,
    );
    await db.run(
      "test",
      sql`insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version, stripe_subscription_id)
      values ('acme', ${start}::timestamptz, ${at("2026-04-01T00:00:00")}::timestamptz, ${plan}::text, 1, ${subscription}::text)`,
    );
  }
  world.moveTo(at("2026-03-16T00:00:00"));
  await world.use(60_000);
  await world.tellMoved();
  world.moveTo(at("2026-03-21T00:00:00"));
  await world.use(8_500);
  await world.tellMoved();
  expect(await world.told()).toEqual(percents("usage.threshold_reached", "events", 50, 50, 80));
});

test("wherever it dies, what is told is told with its memory, and once", async () => {
  await using world = await openAlerts();
  await world.use(90_000);
  for (let calls = 0; calls < 8; calls += 1)
    await world
      .newLook(dyingDb(world.db, calls))
      .tellMoved()
      .catch(() => {});
  expect(await world.told()).toEqual(percents("usage.threshold_reached", "events", 50, 80));
});
