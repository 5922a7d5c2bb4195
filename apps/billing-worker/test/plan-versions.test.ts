import { sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { push } from "../src/catalog/plan-push.ts";
import { storeEvents } from "./helpers.ts";
import { dyingDb, openRunning, type PayingWorld } from "./time-world.ts";
import { dayMs, finishDying, openAnother, openTenDays, present, told } from "./upgrade-world.ts";
import { mover, sellSecond, shellOf } from "./versions-world.ts";

const proOneToTwo = "plans migrate --plan pro --from 1 --to 2";

/** Ten days into a month of Pro, with its second version sold since. */
async function openVersions(options?: Parameters<typeof openTenDays>[0]) {
  const { world, start, end, changes } = await openTenDays(options);
  await sellSecond(world, "pro");
  return { world, start, end, changes, shell: shellOf(world), moves: mover(world, changes) };
}

const versions = ({ rows }: PayingWorld, accountId = "acme") =>
  rows<{ told: string }>(
    sql`select plan_id || ' v' || plan_version as told from usage_periods where account_id = ${accountId}::text
      and plan_id <> 'free' order by period_start`,
  ).then((all) => all.map((row) => row.told));

const noticesOf = ({ rows }: PayingWorld, accountId = "acme") =>
  rows<{ type: string; data: Record<string, unknown> }>(
    sql`select type, data from notices where account_id = ${accountId}::text and type <> 'subscription.started'
      order by notice_no`,
  );

const usageLines = async (world: PayingWorld) =>
  (await world.invoices()).map(({ total, lines }) => [
    total,
    ...lines.data
      .filter(({ quantity }) => (quantity ?? 0) > 1)
      .map(({ amount, quantity }) => [quantity, amount]),
  ]);

test("a new version comes with the period's end, wherever it dies: each side of it is billed by its own price", {
  timeout: 90_000,
}, async () => {
  const { world, start, end, changes, shell, moves } = await openVersions();
  const { db, rows } = world;
  await storeEvents(db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 130_000 }]);

  const planned = await shell(proOneToTwo);
  expect(planned).toMatchObject({ code: 0, err: "nothing was changed; --yes does it\n" });
  expect(planned.out).toContain("pro v1 -> v2: price 2900 -> 3900; events");
  expect(planned.out).toContain(`\n+ acme  from ${end.toISOString()}, the end of its period\n`);
  expect(await moves.look()).toBe(0);
  expect(await rows(sql`select * from plan_version_moves`)).toEqual([]);

  expect(await shell(`${proOneToTwo} --yes`)).toMatchObject({
    err: "written down; the worker carries it out\n",
  });
  expect((await shell(`${proOneToTwo} --yes`)).out).toContain("= acme  is being planned");
  for (let calls = 0; calls < 6; calls += 1)
    await moves.look(dyingDb(db, calls)).catch((error: Error) => expect(error.message).toBe("crashed"));
  expect(await finishDying(changes, await moves.openChange(), db)).toBeGreaterThan(3);
  for (let calls = 0; calls < 6; calls += 1)
    await moves.look(dyingDb(db, calls)).catch((error: Error) => expect(error.message).toBe("crashed"));
  await moves.settle();
  expect((await present(world)).present).toMatchObject({
    plan: { planId: "pro", version: 1 },
    pending: { planId: "pro", version: 2 },
    isEnding: false,
  });
  expect(await versions(world)).toEqual(["pro v1", "pro v2"]);
  const changing = (await noticesOf(world)).filter(({ type }) => type === "plan.version_changing");
  expect(changing).toEqual([
    {
      type: "plan.version_changing",
      data: expect.objectContaining({
        effectiveAt: end.toISOString(),
        before: expect.objectContaining({ planVersion: 1 }),
        after: expect.objectContaining({ price: { amountMinor: 3_900, currency: "usd", interval: "month" } }),
      }),
    },
  ]);
  // Whoever repeats it changes nothing.
  const again = await shell(`${proOneToTwo} --yes`);
  expect(again).toMatchObject({ code: 0, err: "" });
  expect(again.out).toContain(`= acme  from ${end.toISOString()}, as planned`);
  expect(await moves.look()).toBe(0);
  expect(
    await rows(
      sql`select target, detail -> 'accountIds' as ids from audit_log where action = 'plan.migrated'`,
    ),
  ).toEqual([{ target: "pro", ids: ["acme"] }]);
  // A price that somebody comes to is not archived.
  await push(world);
  const { data: prices } = await world.stripe.prices.list({ active: true, limit: 100 });
  expect(prices.map(({ lookup_key }) => lookup_key)).toEqual(
    expect.arrayContaining(["driftlock_pro_v1", "driftlock_pro_v2", "driftlock_pro_v2_events"]),
  );

  await storeEvents(db, "acme", [
    { at: new Date(end.getTime() - 1), quantity: 1_000 },
    { at: end, quantity: 125_000 },
  ]);
  const closeLast = async () => {
    const draft = (await world.invoices()).at(-1);
    await world.syncAll([world.subscription, "subscription"], [draft?.id ?? "", "invoice"]);
    await changes.closePeriods();
  };
  await world.travelTo(end);
  await closeLast();
  expect(await told(world)).toEqual(["pro closed events=131000", "pro events=125000", "pro"]);
  expect(await versions(world)).toEqual(["pro v1", "pro v2", "pro v2"]);
  expect((await shell(proOneToTwo)).out).toContain("= acme  has v2");
  const { end: nextEnd } = await world.period();
  await world.travelTo(nextEnd);
  await closeLast();
  expect(await usageLines(world)).toEqual([
    [2_900],
    [3_900 + 1_550, [100_000, 0], [31_000, 1_550]],
    [3_900 + 200, [120_000, 0], [5_000, 200]],
  ]);
  expect((await noticesOf(world)).map(({ type }) => type)).toEqual([
    "plan.version_changing",
    "subscription.changed",
    "period.reset",
    "period.reset",
  ]);
  // Nobody has the old one any more.
  await push(world);
  const old = await world.stripe.prices.list({ lookup_keys: ["driftlock_pro_v1"] });
  expect(old.data.map(({ active }) => active)).toEqual([false]);
});

test("who has a cancellation or another plan to come keeps the version until that is taken back", {
  timeout: 90_000,
}, async () => {
  const { world, changes, shell, moves } = await openVersions();
  const { subscription } = world;
  const make = async (
    wish: "change" | "cancel" | "resume",
    {
      accountId = "acme",
      of = subscription,
      planId,
    }: { accountId?: string; of?: string; planId?: "pro" | "business" } = {},
  ) => {
    const changeId = await changes.ask({ accountId, subscription: of, wish, ...(planId && { planId }) });
    return (await changes.until(changeId, "finished")).refusal?.code ?? "made";
  };
  const next = async (of = subscription) => {
    const { isEnding, pending } = (await present(world, of)).present;
    return isEnding ? "ends" : pending && `${pending.planId} v${pending.version}`;
  };
  const linesOf = async () => (await shell(proOneToTwo)).out.split("\n").slice(1);
  await make("cancel");
  expect(await linesOf()).toContainEqual(
    expect.stringMatching(/^\. acme {2}keeps v1: its subscription ends at /),
  );
  await shell(`${proOneToTwo} --yes`);
  await moves.settle();
  expect([await next(), (await noticesOf(world)).map(({ type }) => type)]).toEqual([
    "ends",
    ["subscription.cancel_scheduled"],
  ]);
  expect((await shell(`${proOneToTwo} --yes`)).err).toBe("");

  // Taken back: now it comes to the new version, and is told so.
  await make("resume");
  await moves.settle();
  expect(await next()).toBe("pro v2");
  // To take the new version back is not the customer's.
  expect(await make("change", { planId: "pro" })).toBe("SAME_PLAN");
  expect(await make("cancel")).toBe("made");
  expect(await make("resume")).toBe("made");
  expect(await next()).toBe("pro v2");
  // Somebody lets the schedule go at Stripe.
  const schedule = (await present(world)).present.scheduleId;
  await world.stripe.subscriptionSchedules.release(schedule ?? "");
  await world.syncAll([subscription, "subscription"]);
  await moves.settle();
  expect(await next()).toBe("pro v2");
  expect((await noticesOf(world)).filter(({ type }) => type === "plan.version_changing")).toHaveLength(1);

  // It is the operator who takes it back.
  await shell("plans migrate --plan pro --from 1 --to 1 --account acme --yes");
  await moves.settle();
  expect(await next()).toBeNull();
});

test("a downgrade that was planned to the old version goes to the new one", { timeout: 60_000 }, async () => {
  const { world, changes, end } = await openTenDays({ planId: "business" });
  const { subscription } = world;
  const moves = mover(world, changes);
  const shell = shellOf(world);
  await changes.until(await changes.ask({ subscription, wish: "change", planId: "pro" }), "finished");
  await sellSecond(world, "pro");
  expect(await versions(world)).toEqual(["business v1", "pro v1"]);
  expect((await shell(`${proOneToTwo} --yes`)).out).toContain(
    `+ acme  from ${end.toISOString()}, with its change from business`,
  );
  await moves.settle();
  expect((await present(world)).present.pending).toMatchObject({ planId: "pro", version: 2 });
  expect(await versions(world)).toEqual(["business v1", "pro v2"]);
});

test("--when now: used before it is billed by the old price, after it by the new; who cannot pay moves at the end", {
  timeout: 90_000,
}, async () => {
  const { world, start, shell, moves } = await openVersions();
  const poor = await openAnother(world, "poor");
  const { id: card } = await world.stripe.paymentMethods.attach("pm_card_chargeCustomerFail", {
    customer: poor.customer,
  });
  await world.stripe.subscriptions.update(poor.subscription, { default_payment_method: card });
  await storeEvents(world.db, "acme", [{ at: new Date(start.getTime() + dayMs), quantity: 130_000 }]);
  const planned = await shell(`${proOneToTwo} --when now --yes`);
  expect(planned.out).toContain("+ acme  at once, prorated by Stripe");
  await moves.settle(["acme", "poor"]);

  expect(await versions(world)).toEqual(["pro v1", "pro v2", "pro v2"]);
  expect(await told(world)).toEqual(["pro closed events=130000", "pro", "pro"]);
  const [, upgrade] = await world.invoices();
  expect(upgrade).toMatchObject({ status: "paid", billing_reason: "subscription_update" });
  expect(upgrade?.lines.data.map(({ amount }) => amount)).toContain(1_500);
  expect((await noticesOf(world)).map(({ type }) => type)).toEqual([
    "subscription.changed",
    "plan.version_changing",
  ]);

  expect(await versions(world, "poor")).toEqual(["pro v1", "pro v2"]);
  expect((await present(world, poor.subscription)).present).toMatchObject({
    plan: { version: 1 },
    pending: { version: 2 },
  });
  expect((await noticesOf(world, "poor")).map(({ type }) => type)).toEqual(["plan.version_changing"]);
});

test("a whole worker moves at the period's end by its own schedules, and once, whatever renewals the clock jumps past", {
  timeout: 120_000,
}, async () => {
  const world = await openRunning();
  const { start, end } = world;
  await sellSecond(world, "pro");
  const shell = shellOf(world);
  await shell(`${proOneToTwo} --yes`);
  await expect
    .poll(async () => (await shell(proOneToTwo)).out, { timeout: 30_000, interval: 100 })
    .toContain(`= acme  from ${end.toISOString()}, as planned`);
  expect(await versions(world)).toEqual(["pro v1", "pro v2"]);

  await storeEvents(world.db, "acme", [
    { at: new Date(start.getTime() + dayMs), quantity: 131_000 },
    { at: new Date(end.getTime() + dayMs), quantity: 125_000 },
  ]);
  await world.jumpPastTwoRenewals();
  await world.settle();
  expect(await usageLines(world)).toEqual([
    [2_900],
    [3_900 + 1_550, [100_000, 0], [31_000, 1_550]],
    [3_900 + 200, [120_000, 0], [5_000, 200]],
  ]);
  // The last of them is the one to come.
  expect(await versions(world)).toEqual(["pro v1", "pro v2", "pro v2", "pro v2"]);
  expect((await shell(proOneToTwo)).out).toContain("= acme  has v2");
  const asked = await world.rows(
    sql`select wish, state, refusal from plan_changes where account_id = 'acme' order by requested_at`,
  );
  expect(asked).toEqual([{ wish: "migrate", state: "finished", refusal: null }]);
  const toldOf = async (type: string) => (await noticesOf(world)).filter((each) => each.type === type);
  expect(await toldOf("plan.version_changing")).toHaveLength(1);
  expect(await toldOf("subscription.changed")).toHaveLength(1);
});
