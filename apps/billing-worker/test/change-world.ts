import { randomUUID } from "node:crypto";
import { type Db, periodCloses, planChanges, type PlanChangeRow, type Sql, sql } from "@driftlock/db";
import type { PlanId } from "@driftlock/contracts";
import { expect } from "vitest";
import { createClosePeriod } from "../src/closing/close-period.ts";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { createCarryOutChange } from "../src/plan-change/carry-out-change.ts";
import type { MovingWorld } from "./time-world.ts";

const minuteMs = 60_000;

export interface Asked {
  accountId?: string;
  subscription: string;
  wish: PlanChangeRow["wish"];
  planId?: PlanId;
  now?: Date;
}

/** Changes as the gateway asks for them and the worker carries them out; backoffs are waited for by a clock of ours. */
export function changer(world: MovingWorld) {
  const wall = { ms: Date.now() };
  const wallClock = { now: () => new Date(wall.ms) };
  const depsOf = (db: Db) => ({
    ...world,
    db,
    wallClock,
    pushLimits: createPushLimits({ ...world, db }),
    latenessMs: 0,
    // Its own crashes are tested where it is; a lease that it leaves would be waited for.
    syncObject: world.sync,
  });
  const carryOut = (db: Db) => {
    const deps = depsOf(db);
    return createCarryOutChange({ ...deps, close: createClosePeriod(deps) });
  };
  const find = async (changeId: string): Promise<PlanChangeRow> => {
    const change = await planChanges.findChange(world.db, changeId);
    if (change === null) throw new Error(`there is no change ${changeId}`);
    return change;
  };
  /** One go, past every backoff so far, and past the cut. */
  const run = async (changeId: string, db = world.db): Promise<PlanChangeRow> => {
    wall.ms += minuteMs;
    const { state, effectiveAt } = await find(changeId);
    const settledAt = new Date((effectiveAt?.getTime() ?? 0) + 1_000);
    if (state === "draining" && world.clock.now() < settledAt) await world.travelTo(settledAt);
    await carryOut(db)(changeId, world.context);
    return find(changeId);
  };
  return {
    wall,
    find,
    run,
    ask: async ({ accountId = "acme", subscription, wish, planId, now }: Asked): Promise<string> => {
      const changeId = randomUUID();
      const isAsked = await planChanges.insertChange(world.db, {
        changeId,
        accountId,
        stripeSubscriptionId: subscription,
        wish,
        wantedPlanId: planId ?? null,
        now: now ?? world.clock.now(),
        // Every go passes a minute.
        giveUpAt: new Date(wall.ms + 10_000 * minuteMs),
      });
      expect(isAsked).toBe(true);
      return changeId;
    },
    /** Closes every period whose invoice was heard of. */
    closePeriods: () =>
      expect
        .poll(
          async () => {
            wall.ms += minuteMs;
            const due = { now: world.clock.now(), wallNow: wallClock.now(), limit: 10 };
            for (const key of await periodCloses.listDueCloses(world.db, due))
              await createClosePeriod(depsOf(world.db))(key, world.context);
            return world.rows(sql`select state from period_closes where closed_at is null`);
          },
          { timeout: 20_000, interval: 50 },
        )
        .toEqual([]),
    /** Goes on until the change is in this state, and no further. */
    until: async (changeId: string, state: PlanChangeRow["state"]): Promise<PlanChangeRow> => {
      const db = stoppingDb(world.db, state);
      await expect
        .poll(
          async () => {
            await run(changeId, db).catch((error: Error) => expect(error.message).toBe("stopped"));
            return (await find(changeId)).state;
          },
          { timeout: 20_000, interval: 50 },
        )
        .toBe(state);
      return find(changeId);
    },
  };
}

export type Changer = ReturnType<typeof changer>;

/** A database that gives out when the change has come to a state. */
const stoppingDb = (db: Db, state: PlanChangeRow["state"]): Db => ({
  ...db,
  row: async <Row>(name: string, query: Sql) => {
    const row = await db.row<Row>(name, query);
    if (name === "planChanges.find" && (row as { state?: string } | null)?.state === state)
      throw new Error("stopped");
    return row;
  },
});
