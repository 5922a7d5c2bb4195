import type { AccountLimits } from "@driftlock/contracts";
import { planVersionMoves, sql } from "@driftlock/db";
import { cycleAt } from "@driftlock/domain";
import { keys, partitionOf } from "@driftlock/redis";
import { expect, test } from "vitest";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { retilePeriods } from "../src/periods/retile-periods.ts";
import { createMovePlanVersion } from "../src/plan-version/move-plan-version.ts";
import { putSubscription } from "./helpers.ts";
import { dyingDb, openMoving } from "./time-world.ts";
import { sellSecond, shellOf } from "./versions-world.ts";

const dayMs = 86_400_000;
const freeOneToTwo = "plans migrate --plan free --from 1 --to 2";

/** Accounts on Free that were there before its second version. */
async function openFree(accountIds: readonly string[]) {
  const world = await openMoving();
  await world.addFault({ kind: "no-holding" });
  for (const accountId of accountIds) await world.openAccount(accountId);
  await sellSecond(world, "free");
  const pushLimits = createPushLimits(world);
  const retile = (accountId: string) =>
    world.db.transaction((tx) => retilePeriods(tx, { accountId, now: world.clock.now() }));
  const limit = async (accountId: string, at: Date) => {
    await pushLimits({ accountId });
    const field = await world.redis.hget(keys.limits(partitionOf(accountId, 4)), accountId);
    const { segments } = JSON.parse(field ?? "null") as AccountLimits;
    return segments.find(({ startMs, endMs }) => startMs <= at.getTime() && at.getTime() < endMs)?.metrics[
      "events"
    ]?.limit;
  };
  const move = async (db = world.db) => {
    const due = { wallNow: new Date(), limit: 100, changesMax: 0 };
    for (const key of await planVersionMoves.listDueMoves(world.db, due))
      await createMovePlanVersion({ ...world, db, pushLimits })(key, world.context);
  };
  const anchor = async (accountId: string) => {
    const [row] = await world.rows<{ at: Date }>(
      sql`select free_anchor_at as at from accounts where account_id = ${accountId}::text`,
    );
    return row?.at ?? new Date(0);
  };
  const versions = async (accountId: string) => {
    const periods = await world.rows<{ told: string }>(
      sql`select plan_id || ' v' || plan_version as told from usage_periods where account_id = ${accountId}::text
      order by period_start`,
    );
    return periods.map(({ told }) => told);
  };
  return { ...world, retile, limit, move, anchor, versions, shell: shellOf(world) };
}

test("a version of Free that is published in mid-period leaves every account's periods alone", async () => {
  const world = await openFree(["acme"]);
  const now = world.clock.now();
  expect(await world.retile("acme")).toBe(false);
  expect(await world.versions("acme")).toEqual(["free v1", "free v1"]);
  expect(await world.limit("acme", now)).toBe(10_000);
  // Nor does a plan that comes and goes disturb the cycle that goes on.
  const start = new Date(Math.floor(now.getTime() / 1_000) * 1_000 + 1_000);
  const period = [start, new Date(start.getTime() + 30 * dayMs)] as const;
  await putSubscription(world.db, { accountId: "acme", period });
  await world.travelTo(new Date(start.getTime() + 2_000));
  await world.retile("acme");
  const endsAt = new Date(start.getTime() + 4_000);
  await putSubscription(world.db, { accountId: "acme", period, status: "canceled", endsAt });
  await world.travelTo(new Date(endsAt.getTime() + 2_000));
  await world.retile("acme");
  expect(await world.versions("acme")).toEqual(["free v1", "pro v1", "free v1", "free v1"]);
  expect(await world.limit("acme", world.clock.now())).toBe(10_000);
});

test("Free comes to its new version with each account's own period, told once, wherever it dies", async () => {
  const world = await openFree(["acme", "paying", "stays"]);
  await putSubscription(world.db, {
    accountId: "paying",
    period: [world.clock.now(), new Date(world.clock.now().getTime() + 30 * dayMs)],
  });
  await world.retile("paying");
  const cycle = cycleAt(await world.anchor("acme"), 0);
  const end = cycle.end.toISOString();
  const some = `${freeOneToTwo} --account acme --account paying`;
  const planned = await world.shell(`${some} --json`);
  expect(JSON.parse(planned.out)).toMatchObject({
    isApplied: false,
    changes: ['events "10000, then refused" -> "5000, then refused"'],
    accounts: [
      { accountId: "acme", action: "move", effectiveAt: end },
      { accountId: "paying", action: "move", effectiveAt: null },
    ],
  });
  expect((await world.shell(`${some} --yes`)).code).toBe(0);
  for (let calls = 0; calls < 16; calls += 1)
    await world.move(dyingDb(world.db, calls)).catch((error: Error) => expect(error.message).toBe("crashed"));
  await world.move();
  expect(await world.versions("acme")).toEqual(["free v1", "free v2"]);
  expect(await world.limit("acme", new Date(cycle.end.getTime() - 1))).toBe(10_000);
  expect(await world.limit("acme", cycle.end)).toBe(5_000);
  expect(await world.versions("stays")).toEqual(["free v1", "free v1"]);
  // Who pays is not on Free, and is told nothing of it.
  const told = await world.rows<{ accountId: string; at: string }>(
    sql`select account_id as "accountId", data ->> 'effectiveAt' as at from notices where type = 'plan.version_changing'`,
  );
  expect(told).toEqual([{ accountId: "acme", at: end }]);

  await world.travelTo(new Date(cycle.end.getTime() + 1_000));
  await world.retile("acme");
  expect(await world.versions("acme")).toEqual(["free v1", "free v2", "free v2"]);
  expect(await world.limit("acme", world.clock.now())).toBe(5_000);
  const repeated = await world.shell(`${freeOneToTwo} --yes`);
  expect(repeated.out).toMatch(/^\+ stays .*\n= acme +has v2\n= paying +has v2$/m);
  await world.move();
  expect(await world.versions("stays")).toContain("free v2");
});

test("a move of Free that is not in force yet is taken back", async () => {
  const world = await openFree(["acme"]);
  await world.shell(`${freeOneToTwo} --yes`);
  await world.move();
  expect(await world.versions("acme")).toEqual(["free v1", "free v2"]);
  await world.shell("plans migrate --plan free --from 1 --to 1 --yes");
  await world.move();
  expect(await world.versions("acme")).toEqual(["free v1", "free v1"]);
});

test("plans migrate says what is in the way, and does nothing then", async () => {
  const { shell, rows } = await openFree(["acme"]);
  for (const [args, said] of [
    ["--plan free --from 1 --to 2 --when now", "leave --when out"],
    ["--plan free --from 1 --to 3", "there is no free v3; there are v1, v2"],
    ["--plan free --from 2 --to 1", "free v1 is not sold any more: --to is v2"],
    ["--plan free --from 1 --to 2 --account acme --account nobody", "there is no account nobody"],
  ] as const)
    expect(await shell(`plans migrate ${args} --yes`)).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining(said),
    });
  for (const wrong of [
    "plans migrate --plan gold --from 1 --to 2",
    "plans migrate --plan free --from 1",
    "plans migrate --plan free --from 1 --to 2 --yes --dry-run",
    "plans migrate --plan free --from 1 --to 2 --when tomorrow",
    "plans move --plan free --from 1 --to 2",
  ])
    expect((await shell(wrong)).code).toBe(64);
  expect(await rows(sql`select * from plan_version_moves`)).toEqual([]);
});
