import { catalog, type Db, planChanges, planVersionMoves } from "@driftlock/db";
import { readEnv } from "@driftlock/runtime";
import { expect } from "vitest";
import { toCatalogFile } from "../src/catalog/catalog-file.ts";
import { push } from "../src/catalog/plan-push.ts";
import { runPlans } from "../src/commands/run-plans.ts";
import { SetupEnv } from "../src/env.ts";
import { createPushLimits } from "../src/periods/push-limits.ts";
import { createMovePlanVersion } from "../src/plan-version/move-plan-version.ts";
import type { Changer } from "./change-world.ts";
import type { PayingWorld } from "./time-world.ts";
import type { World } from "./world.ts";

const minuteMs = 60_000;
const overage = { amountMinor: 40, perUnits: 1_000 };

/** Sells version 2: of Pro at $39, with 120,000 events and then 40 cents a thousand; of Free with 5,000 events. */
export async function sellSecond(world: World, planId: "pro" | "free"): Promise<void> {
  const { plans } = toCatalogFile(await catalog.listPlans(world.db));
  const changed = plans.map((plan) => {
    if (plan.planId !== planId) return plan;
    const events =
      planId === "pro"
        ? { included: 120_000, policy: "bill" as const, overage }
        : { included: 5_000, policy: "refuse" as const };
    const priceAmountMinor = planId === "pro" ? 3_900 : 0;
    return { ...plan, version: 2, priceAmountMinor, limits: { ...plan.limits, events } };
  });
  await push(world, { file: { plans: changed } });
}

/** The command line of an installation. */
export const shellOf =
  ({ databaseUrl, simulator }: World) =>
  async (args: string) => {
    const { env, faults } = readEnv(SetupEnv, {
      DRIFTLOCK_MODE: "simulator",
      DATABASE_URL: databaseUrl,
      STRIPE_SECRET_KEY: "sk_test_world",
      STRIPE_API_URL: simulator.url,
    });
    if (env === undefined) throw new Error(JSON.stringify(faults));
    const said = { out: "", err: "" };
    const code = await runPlans(args.split(" "), {
      stdout: { write: (text) => (said.out += text) },
      stderr: { write: (text) => (said.err += text) },
      setup: env,
    });
    return { code, ...said };
  };

/** Carries moves out as the worker does, past every backoff. */
export function mover(world: PayingWorld, changes: Changer) {
  const { wall } = changes;
  const wallClock = { now: () => new Date(wall.ms) };
  const look = async (db: Db = world.db): Promise<number> => {
    wall.ms += 61 * minuteMs;
    const due = await planVersionMoves.listDueMoves(world.db, {
      wallNow: wallClock.now(),
      limit: 100,
      changesMax: 100,
    });
    const move = createMovePlanVersion({ ...world, db, wallClock, pushLimits: createPushLimits(world) });
    for (const key of due) await move(key, world.context);
    return due.length;
  };
  const openChange = async (accountId = "acme"): Promise<string> => {
    const change = await planChanges.findOpenChange(world.db, accountId);
    if (change === null) throw new Error(`${accountId} has no open change`);
    return change.changeId;
  };
  return {
    look,
    openChange,
    /** All of it, until nothing is left to be done. */
    settle: async (accountIds: readonly string[] = ["acme"]): Promise<void> => {
      for (let looks = 0; (await look()) > 0; looks += 1) {
        expect(looks).toBeLessThan(20);
        for (const accountId of accountIds) {
          const open = await planChanges.findOpenChange(world.db, accountId);
          if (open !== null) await changes.until(open.changeId, "finished");
        }
      }
    },
  };
}
