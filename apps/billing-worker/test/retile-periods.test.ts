import { accounts, usagePeriods } from "@driftlock/db";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openCancelClose } from "../src/closing/open-cancel-close.ts";
import { retilePeriods } from "../src/periods/retile-periods.ts";
import { at, openAccount, openDatabase, putSubscription, storeEvents, toldPeriods } from "./helpers.ts";

const opened = at("2026-01-31T10:00:00");
const proPeriod = [at("2026-02-10T12:00:00"), at("2026-03-10T12:00:00")] as const;

test("a plan bought at T moves what was used since T, raises the version once, and twice is once", async () => {
  await using world = await openDatabase(opened);
  const { db } = world;
  await openAccount(db, "acme", opened);
  await storeEvents(db, "acme", [
    { at: at("2026-02-10T11:59:59"), quantity: 7 },
    { at: at("2026-02-10T12:00:00"), quantity: 5 },
    { at: at("2026-02-09T00:00:00"), metric: "storage_bytes", quantity: 900 },
    { at: at("2026-02-10T12:00:01"), metric: "storage_bytes", quantity: 300 },
  ]);
  await putSubscription(db, { accountId: "acme", period: proPeriod });
  const now = at("2026-02-10T12:00:03");
  expect(await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now }))).toBe(true);
  expect(await toldPeriods(db, "acme")).toEqual([
    "2026-01-31T10:00 free events=7 storage_bytes=900",
    "2026-02-10T12:00 pro events=5 storage_bytes=300",
    "2026-03-10T12:00 pro",
  ]);
  expect(await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now }))).toBe(false);
  expect((await accounts.findAccount(db, "acme"))?.limitsVersion).toBe(2);
});

test("back on Free within the same cycle its counter goes on", async () => {
  await using world = await openDatabase(opened);
  const { db } = world;
  await openAccount(db, "acme", opened);
  await storeEvents(db, "acme", [{ at: at("2026-02-05T00:00:00"), quantity: 9_000 }]);
  await putSubscription(db, { accountId: "acme", period: proPeriod });
  await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now: at("2026-02-10T12:00:01") }));
  await storeEvents(db, "acme", [{ at: at("2026-02-11T00:00:00"), quantity: 50_000 }]);
  await putSubscription(db, {
    accountId: "acme",
    period: proPeriod,
    status: "canceled",
    endsAt: at("2026-02-14T08:00:00"),
  });
  await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now: at("2026-02-14T08:00:02") }));
  expect(await toldPeriods(db, "acme")).toEqual([
    "2026-01-31T10:00 free events=9000",
    "2026-02-10T12:00 pro events=50000",
    "2026-02-14T08:00 free events=9000",
    "2026-02-28T10:00 free",
  ]);
});

test("a commit of usage and a cut wait for each other", async () => {
  await using world = await openDatabase(opened);
  const { db } = world;
  await openAccount(db, "acme", opened);
  await putSubscription(db, { accountId: "acme", period: proPeriod });
  const order: string[] = [];
  let cutting: Promise<unknown> = Promise.resolve();
  await db.transaction(async (tx) => {
    await tx.row("test.lock", {
      text: "select 1 from accounts where account_id = 'acme' for key share",
      values: [],
    });
    cutting = db
      .transaction((other) => retilePeriods(other, { accountId: "acme", now: at("2026-02-10T12:00:03") }))
      .then(() => order.push("cut"));
    await storeEvents(db, "acme", [{ at: at("2026-02-10T12:00:01"), quantity: 3 }]);
    order.push("usage");
  });
  await cutting;
  expect(order).toEqual(["usage", "cut"]);
  expect((await toldPeriods(db, "acme"))[1]).toBe("2026-02-10T12:00 pro events=3");
});

const hourMs = 3_600_000;
const step = fc.record({
  afterHours: fc.integer({ min: 1, max: 20 * 24 }),
  action: fc.constantFrom("use", "subscribe", "upgrade", "cancel", "set-end"),
});

test("whatever is bought and ended, every event is in the total of the one period that holds it", {
  timeout: 120_000,
}, async () => {
  await using world = await openDatabase(opened);
  const { db } = world;
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const accountId = `account-${++count}`;
      await openAccount(db, accountId, opened);
      let nowMs = opened.getTime();
      let live: { id: string; period: [Date, Date]; endsAt: Date | null } | null = null;
      for (const [index, { afterHours, action }] of steps.entries()) {
        nowMs += afterHours * hourMs;
        const now = new Date(nowMs);
        const retile = () => db.transaction((tx) => retilePeriods(tx, { accountId, now }));
        await retile();
        // What the aggregator stored before it heard of the change.
        await storeEvents(db, accountId, [
          { at: new Date(nowMs - 1) },
          { at: now },
          { at: now, metric: "storage_bytes", quantity: index },
        ]);
        if (live === null || (live.endsAt ?? live.period[1]) <= now) live = null;
        const planId = action === "upgrade" ? "business" : "pro";
        if (action === "subscribe" && live === null) {
          live = {
            id: `${accountId}-${index}`,
            period: [now, new Date(nowMs + 28 * 24 * hourMs)],
            endsAt: null,
          };
          await putSubscription(db, { accountId, id: live.id, period: live.period });
        } else if (action === "cancel" && live !== null) {
          await putSubscription(db, {
            accountId,
            id: live.id,
            period: live.period,
            status: "canceled",
            endsAt: now,
          });
        } else if (live !== null && action !== "use") {
          const isEndingWithPeriod = action === "set-end";
          await putSubscription(db, {
            accountId,
            id: live.id,
            period: live.period,
            planId,
            planChangedAt: action === "upgrade" ? now : null,
            isEndingWithPeriod,
          });
        }
        await retile();
        expect(await retile()).toBe(false);
      }
      const wrong = await db.rows("test.compare", {
        text: `select p.period_start, t.quantity, r.quantity as stored from usage_periods p
            cross join (values ('events'), ('storage_bytes')) m (metric)
            left join usage_totals t on t.account_id = p.account_id and t.period_start = p.period_start and t.metric = m.metric
            left join lateral (select case m.metric when 'events' then sum(quantity) else max(quantity) end as quantity
              from usage_records r where r.account_id = p.account_id and r.metric = m.metric
                and r.occurred_at >= p.period_start and r.occurred_at < p.period_end) r on true
            where p.account_id = $1 and t.quantity is distinct from r.quantity::bigint
              and not (p.plan_id = 'free' and exists (select from usage_periods f where f.account_id = p.account_id
                and f.plan_id = 'free' and f.period_start < p.period_start and f.period_end < p.period_start))`,
        values: [accountId],
      });
      expect(wrong).toEqual([]);
      const periods = await usagePeriods.listPeriods(db, accountId, new Date(0));
      for (const [index, period] of periods.entries())
        if (index > 0) expect(period.periodStart).toEqual(periods[index - 1]?.periodEnd);
    }),
    { numRuns: 40 },
  );
});

test("cancelled now once more, after the renewal that the first cancellation was too slow for", async () => {
  await using world = await openDatabase(opened);
  const { db } = world;
  await openAccount(db, "acme", opened);
  const cancel = (now: Date) =>
    db.transaction((tx) => openCancelClose(tx, { stripeSubscriptionId: "sub_1", cancelAt: now, now }));
  await putSubscription(db, { accountId: "acme", period: proPeriod });
  await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now: at("2026-02-10T12:00:01") }));
  await cancel(at("2026-03-10T11:00:00"));
  await putSubscription(db, { accountId: "acme", period: [proPeriod[1], at("2026-04-10T12:00:00")] });
  expect(await cancel(at("2026-03-10T13:00:00"))).toMatchObject({ periodStart: proPeriod[1] });
  expect((await toldPeriods(db, "acme")).slice(0, 3)).toEqual([
    "2026-01-31T10:00 free",
    "2026-02-10T12:00 pro",
    "2026-03-10T11:00 free",
  ]);
});
