import { catalog, sql, usagePeriods } from "@driftlock/db";
import { expect, test } from "vitest";
import { toCatalogFile } from "../src/catalog/catalog-file.ts";
import { push } from "../src/catalog/plan-push.ts";
import { createDueWork } from "./due-work.ts";
import { storeEvents, toldPeriods } from "./helpers.ts";
import { openMoving } from "./time-world.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Pro with a trial of 14 days, and an account that is about to buy it. */
async function openTrial() {
  const world = await openMoving();
  const { stripe, db } = world;
  const { plans } = toCatalogFile(await catalog.listPlans(db));
  const file = {
    plans: plans.map((plan) => (plan.planId === "pro" ? { ...plan, version: 2, trialDays: 14 } : plan)),
  };
  await push(world, { file });
  await world.addFault({ kind: "no-holding" });
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const { data } = await stripe.prices.list({ lookup_keys: ["driftlock_pro_v2", "driftlock_pro_v2_events"] });
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    customer,
    metadata: { account_id: "acme" },
    subscription_data: { metadata: { account_id: "acme" }, trial_period_days: 14 },
    payment_method_collection: "always",
    line_items: data.map(({ id, recurring }) => ({
      price: id,
      ...(recurring?.usage_type === "licensed" && { quantity: 1 }),
    })),
    success_url: "http://localhost/ok",
  });
  const work = createDueWork(world);
  const ofAccount = () =>
    world.rows<{ planVersion: number; status: string; trialEndsAt: Date | null; hadTrial: boolean }>(
      sql`select plan_version as "planVersion", status, trial_ends_at as "trialEndsAt", trial_started_at is not null as "hadTrial"
      from user_subscriptions join accounts using (account_id)`,
    );
  const trialEnd = async () => {
    const [row] = await ofAccount();
    if (!row?.trialEndsAt) throw new Error("there is no trial");
    return row.trialEndsAt.getTime();
  };
  return {
    ...world,
    customer,
    session,
    work,
    ofAccount,
    trialEnd,
    goTo: async (ms: number) => {
      await world.travelTo(new Date(ms));
      await work();
    },
    notices: (type: string) => world.rows(sql`select dedupe_key from notices where type = ${type}::text`),
    invoices: async () =>
      (await stripe.invoices.list({ customer })).data.map(({ status, total }) => `${status} ${total}`),
  };
}

test("a trial begins with a card, grants the plan, is told of before it ends, and is paid then", async () => {
  const world = await openTrial();
  await expect(world.pay(world.session.id, "4000000000000002")).rejects.toThrow("402");
  expect((await world.stripe.subscriptions.list({ status: "all" })).data).toEqual([]);
  await world.pay(world.session.id);
  await world.work();
  expect(await world.ofAccount()).toMatchObject([{ planVersion: 2, status: "trialing", hadTrial: true }]);
  const end = await world.trialEnd();
  // Nobody would be billed for what goes beyond it.
  const periods = await usagePeriods.listPeriods(world.db, "acme", new Date(end - dayMs));
  expect(periods.slice(0, 2).map(({ planId, isTrial }) => [planId, isTrial])).toEqual([
    ["pro", true],
    ["pro", false],
  ]);
  await storeEvents(world.db, "acme", [{ at: new Date(end - 1), quantity: 150 }]);
  expect(await world.notices("subscription.trial_ending")).toEqual([]);
  for (const beforeEndMs of [3 * dayMs - 60_000, 2 * dayMs]) await world.goTo(end - beforeEndMs);
  await world.stripe.subscriptions.update(String((await world.stripe.subscriptions.list()).data[0]?.id), {
    metadata: { touched: "1" },
  });
  await world.work();
  expect(await world.notices("subscription.trial_ending")).toHaveLength(1);

  await world.goTo(end + 6 * 60_000);
  expect(await world.ofAccount()).toMatchObject([{ status: "active", hadTrial: true }]);
  // The clock closes it: no invoice waits for what was used in a trial.
  expect((await toldPeriods(world.db, "acme")).filter((line) => line.includes("pro closed"))).toEqual([
    expect.stringMatching(/pro closed events=150$/),
  ]);
  await world.goTo(end + 2 * hourMs);
  expect(await world.invoices()).toEqual(["paid 2900", "paid 0"]);
});

test("a card that fails at the trial's end is a payment that failed, like any other", async () => {
  const world = await openTrial();
  const { stripe, customer } = world;
  await world.pay(world.session.id);
  await world.work();
  const end = await world.trialEnd();
  const { id } = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer });
  const [subscription] = (await stripe.subscriptions.list()).data;
  await stripe.subscriptions.update(subscription?.id ?? "", { default_payment_method: id });
  await world.goTo(end + 2 * hourMs);
  expect(await world.ofAccount()).toMatchObject([{ status: "past_due" }]);
  expect(await world.invoices()).toEqual(["open 2900", "paid 0"]);
  expect(
    await world.rows(sql`select count(*)::int as count from dunning_cases where settled_at is null`),
  ).toEqual([{ count: 1 }]);
  expect(await world.notices("invoice.payment_failed")).toHaveLength(1);
});
