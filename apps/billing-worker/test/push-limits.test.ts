import type { AccountLimits } from "@driftlock/contracts";
import { accounts, sql, usagePeriodsWrite } from "@driftlock/db";
import { keys, partitionOf } from "@driftlock/redis";
import { expect, test } from "vitest";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { retilePeriods } from "../src/periods/retile-periods.ts";
import { schedules } from "../src/schedules.ts";
import { putSubscription } from "./helpers.ts";
import { openWorld } from "./world.ts";

test("a change of plan is in Redis within a tick, with its version, and what is pushed is not pushed again", async () => {
  const world = await openWorld();
  const { db, redis, clock } = world;
  await world.openAccount("acme");
  const start = new Date(Math.ceil(clock.now().getTime() / 1000) * 1000);
  await putSubscription(db, {
    accountId: "acme",
    period: [start, new Date(start.getTime() + 30 * 86_400_000)],
  });
  await db.transaction((tx) => retilePeriods(tx, { accountId: "acme", now: start }));
  const sweep = schedules({
    ...world,
    pushLimits: createPushLimits({ db, redis, clock: { now: () => start } }),
    sweepIntervalMs: 1_000,
    latenessMs: 1_000,
    gatherMs: 1_000,
  }).find(({ name }) => name === "limits");
  await sweep?.run();
  const read = async () =>
    JSON.parse((await redis.hget(keys.limits(partitionOf("acme", 4)), "acme")) ?? "null") as AccountLimits;
  const stored = await read();
  const account = await world.rows(
    sql`select limits_version as version, limits_pushed_version as pushed from accounts`,
  );
  expect(account).toEqual([{ version: stored.version, pushed: stored.version }]);
  expect(stored.validUntilMs).toBe(start.getTime() + 30 * 86_400_000);
  expect(stored.segments.find(({ startMs }) => startMs === start.getTime())?.metrics["events"]).toMatchObject(
    {
      limit: 100_000,
      policy: "bill",
    },
  );
  expect(await usagePeriodsWrite.listLimitsToPush(db, 10)).toEqual([]);

  await accounts.updateSpendCap(db, "acme", 1_000);
  await sweep?.run();
  const capped = (await read()).segments.find(({ startMs }) => startMs === start.getTime());
  expect(capped?.metrics["events"]).toMatchObject({ limit: 100_000, hardLimit: 120_009 });
});
