import { type Db, sql, usageAdjustmentChecks, usagePeriodsWrite } from "@driftlock/db";
import { closeLatenessMs } from "@driftlock/domain";
import { createLogger } from "@driftlock/runtime";
import { expect, test } from "vitest";
import { freezeAdjustments } from "../src/adjustments/freeze-adjustments.ts";
import { rollPeriodsProcessor } from "../src/jobs/roll-periods.ts";
import { closePeriods } from "../src/periods/close-periods.ts";
import { rollDueAt } from "../src/periods/roll-due-at.ts";
import { retilePeriods } from "../src/periods/retile-periods.ts";
import { at, openAccount, openDatabase, putSubscription, storeEvents, toldPeriods } from "./helpers.ts";

/** What the job does, and what the ticker does before it. */
async function roll(db: Db, now: Date): Promise<void> {
  const due = rollDueAt(now, closeLatenessMs);
  for (const accountId of await usagePeriodsWrite.listAccountsToRoll(db, { ...due, limit: 100 }))
    await db.transaction(async (tx) =>
      closePeriods(tx, {
        accountId,
        periods: await usagePeriodsWrite.listPeriodsToRoll(tx, accountId, due),
        now,
      }),
    );
}

const notices = (db: Db) =>
  db.rows<{ type: string; key: string }>(
    "test.notices",
    sql`select type, dedupe_key as key from notices order by created_at, dedupe_key`,
  );

test("Free anchored on the 31st rolls over month by month, each reset told once", async () => {
  const opened = at("2026-01-31T10:00:00");
  await using world = await openDatabase(opened);
  const { db } = world;
  await openAccount(db, "acme", opened);
  await storeEvents(db, "acme", [{ at: at("2026-02-20T00:00:00"), quantity: 10_000 }]);
  for (const day of [
    "2026-02-28T10:04:00",
    "2026-02-28T10:05:00",
    "2026-02-28T10:05:01",
    "2026-03-31T10:06:00",
    "2026-04-30T12:00:00",
  ])
    await roll(db, at(day));
  expect(await toldPeriods(db, "acme")).toEqual([
    "2026-01-31T10:00 free closed events=10000",
    "2026-02-28T10:00 free closed",
    "2026-03-31T10:00 free closed",
    "2026-04-30T10:00 free",
    "2026-05-31T10:00 free",
  ]);
  expect((await notices(db)).map(({ key }) => key)).toEqual([
    "period.reset.acme.2026-02-28T10:00:00.000Z",
    "period.reset.acme.2026-03-31T10:00:00.000Z",
    "period.reset.acme.2026-04-30T10:00:00.000Z",
  ]);
});

test("months without a worker are caught up with in one go", async () => {
  const opened = at("2026-01-31T10:00:00");
  await using world = await openDatabase(opened);
  const { db } = world;
  await openAccount(db, "acme", opened);
  await roll(db, at("2026-06-15T00:00:00"));
  await roll(db, at("2026-06-15T00:00:00"));
  expect(await toldPeriods(db, "acme")).toEqual([
    "2026-01-31T10:00 free closed",
    "2026-02-28T10:00 free closed",
    "2026-03-31T10:00 free closed",
    "2026-04-30T10:00 free closed",
    "2026-05-31T10:00 free",
    "2026-06-30T10:00 free",
  ]);
});

test("Business rolls by the clock; Pro waits for its invoice, and not for ever", async () => {
  const opened = at("2026-01-31T10:00:00");
  await using world = await openDatabase(opened);
  const { db } = world;
  const period = [at("2026-02-01T00:00:00"), at("2026-03-01T00:00:00")] as const;
  for (const planId of ["pro", "business"] as const) {
    await openAccount(db, planId, opened);
    await putSubscription(db, { id: `sub_${planId}`, accountId: planId, planId, period });
    await db.transaction((tx) => retilePeriods(tx, { accountId: planId, now: at("2026-02-01T00:00:01") }));
  }
  await roll(db, at("2026-03-01T00:05:00"));
  expect((await toldPeriods(db, "business")).slice(1)).toEqual([
    "2026-02-01T00:00 business closed",
    "2026-03-01T00:00 business",
    "2026-04-01T00:00 business",
  ]);
  expect((await toldPeriods(db, "pro")).slice(1)).toEqual([
    "2026-02-01T00:00 pro",
    "2026-03-01T00:00 pro",
    "2026-04-01T00:00 pro",
  ]);
  await roll(db, at("2026-03-05T00:00:00"));
  expect((await toldPeriods(db, "pro")).slice(1)).toEqual([
    "2026-02-01T00:00 pro closed",
    "2026-03-01T00:00 pro",
    "2026-04-01T00:00 pro",
  ]);
});

test("billed usage that no invoice came for is adjusted once its period is closed without", async () => {
  const opened = at("2026-01-31T10:00:00");
  await using world = await openDatabase(opened);
  const { db } = world;
  const accountId = "acme";
  await openAccount(db, accountId, opened);
  await putSubscription(db, {
    accountId,
    period: [at("2026-02-01T00:00:00"), at("2026-03-01T00:00:00")],
  });
  await db.transaction((tx) => retilePeriods(tx, { accountId, now: at("2026-02-01T00:00:01") }));
  await storeEvents(db, accountId, [{ at: at("2026-02-20T00:00:00"), quantity: 150_000 }]);
  await db.run("test", sql`update accounts set stripe_customer_id = 'cus_1'`);
  const log = createLogger({ name: "test", level: "silent" });
  const clock = { now: () => at("2026-03-05T00:00:00") };
  const job = rollPeriodsProcessor({
    db,
    clock,
    pushLimits: async () => {},
    latenessMs: closeLatenessMs,
  });
  const context = { log, signal: new AbortController().signal, attempt: 1, requestId: undefined };
  await job.run({ accountId }, context);
  await job.run({ accountId }, context);
  expect((await toldPeriods(db, accountId))[1]).toMatch(/pro closed events=150000$/);
  const due = { markedBefore: clock.now(), wallNow: new Date(), limit: 10 };
  for (const period of await usageAdjustmentChecks.listDueChecks(db, due))
    await freezeAdjustments({ db, clock }, period);
  expect(
    await db.rows("test", sql`select from_quantity, to_quantity, amount_minor, state from usage_adjustments`),
  ).toEqual([{ from_quantity: 0, to_quantity: 150_000, amount_minor: 2_500, state: "pending" }]);
});
