import { catalog, sql } from "@driftlock/db";
import { closeLatenessMs } from "@driftlock/domain";
import type { Stripe } from "@driftlock/stripe";
import { expect, test } from "vitest";
import { push } from "../src/catalog/plan-push.ts";
import { createDueWork } from "./due-work.ts";
import { at, storeEvents } from "./helpers.ts";
import { type MovingWorld, openMoving } from "./time-world.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const end = at("2030-03-02T00:00:00");

const plans = {
  free: { planId: "free", months: 1, included: 0, amountMinor: 0 },
  monthly: { planId: "pro", months: 1, included: 100_000, amountMinor: 2_900 },
  yearly: { planId: "business", months: 12, included: 1_200_000, amountMinor: 29_000 },
} as const;

interface Holder {
  accountId: string;
  plan: (typeof plans)[keyof typeof plans];
  /** When its first period began. */
  startsAt: Date;
  subscription: string | null;
}

/** No two periods of an account have the same: usage that is billed with another period is seen. */
const quantityIn = ({ plan }: Holder, index: number): number => plan.included + 1_000 * (index + 1);

/** The instant `index` periods after the first one's start: its day, or the last of a month that has no such day. */
function boundary({ startsAt, plan }: Holder, index: number): Date {
  const month = startsAt.getUTCMonth() + index * plan.months;
  const lastDay = new Date(Date.UTC(startsAt.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const day = Math.min(startsAt.getUTCDate(), lastDay);
  return new Date(Date.UTC(startsAt.getUTCFullYear(), month, day) + (startsAt.getTime() % dayMs));
}

const span = (holder: Holder, index: number): string =>
  told(boundary(holder, index), boundary(holder, index + 1));
const told = (from: Date, until: Date): string => `${from.toISOString()} ${until.toISOString()}`;
const toldSeconds = ({ start, end: until }: { start: number; end: number }): string =>
  told(new Date(start * 1_000), new Date(until * 1_000));

/** An installation with a plan that is sold by the year beside the one that is sold by the month. */
async function openInstallation(): Promise<MovingWorld> {
  const world = await openMoving();
  const business = (await catalog.listPlans(world.db)).find(({ planId }) => planId === "business");
  if (business === undefined) throw new Error("there is no Business");
  const { included, amountMinor } = plans.yearly;
  const overage = { amountMinor: 50, perUnits: 1_000 };
  await catalog.insertPlanIfMissing(
    world.db,
    {
      ...business,
      version: 2,
      currency: "usd",
      interval: "year",
      priceAmountMinor: amountMinor,
      features: [],
      limits: { events: { included, policy: "bill", overage } },
    },
    world.clock.now(),
  );
  await push(world);
  // Nobody is waited for while the clock moves: it stops where the test has something to do.
  await world.addFault({ kind: "no-holding" });
  return world;
}

/** Opens an account on Free, one that pays by the month and one that pays by the year; on 29 February the last alone. */
async function openHolders(world: MovingWorld, anchor: Date): Promise<Holder[]> {
  const day = anchor.toISOString().slice(5, 10);
  const holders: Holder[] = [];
  for (const [name, plan] of Object.entries(plans)) {
    if (day === "02-29" && name !== "yearly") continue;
    const accountId = `${name}-${day}`;
    await world.openAccount(accountId);
    const subscription = plan.planId === "free" ? null : await subscribe(world, accountId, plan.months);
    const startsAt = await firstInstant(world, accountId, subscription);
    holders.push({ accountId, plan, startsAt, subscription });
  }
  return holders;
}

async function subscribe({ stripe, createCustomer }: MovingWorld, accountId: string, months: number) {
  const customer = await createCustomer(accountId);
  const { id } = await stripe.paymentMethods.attach("pm_card_visa", { customer });
  const plan = months === 1 ? "driftlock_pro_v1" : "driftlock_business_v2";
  const { data } = await stripe.prices.list({ lookup_keys: [plan, `${plan}_events`] });
  const subscription = await stripe.subscriptions.create({
    customer,
    default_payment_method: id,
    metadata: { account_id: accountId },
    items: data.map((price) => ({ price: price.id })),
  });
  return subscription.id;
}

async function firstInstant({ stripe, rows }: MovingWorld, accountId: string, subscription: string | null) {
  if (subscription !== null) {
    const [item] = (await stripe.subscriptions.retrieve(subscription)).items.data;
    if (item !== undefined) return new Date(item.current_period_start * 1_000);
  }
  const [account] = await rows<{ anchor: Date }>(
    sql`select free_anchor_at as anchor from accounts where account_id = ${accountId}::text`,
  );
  if (account === undefined) throw new Error(`there is no account ${accountId}`);
  return account.anchor;
}

/** Uses every period that has begun, and the next where its end is known: in its first and in its last millisecond. */
async function usePeriods(world: MovingWorld, holder: Holder, used: Set<string>): Promise<void> {
  const periods = await world.rows<{ start: Date; end: Date }>(
    sql`select period_start as start, period_end as end from usage_periods where account_id = ${holder.accountId}::text
      and plan_id = ${holder.plan.planId}::text and period_start >= ${holder.startsAt}::timestamptz
      and (period_start <= ${world.clock.now()}::timestamptz or ${holder.plan.months}::int = 1) order by period_start`,
  );
  for (const [index, period] of periods.entries()) {
    const key = `${holder.accountId} ${period.start.toISOString()}`;
    if (used.has(key)) continue;
    used.add(key);
    const quantity = quantityIn(holder, index);
    await storeEvents(world.db, holder.accountId, [
      { at: period.start, quantity: 600 },
      { at: new Date(period.end.getTime() - 1), quantity: quantity - 600 },
    ]);
  }
}

/** What the account's periods, closes and notices say, and what Stripe billed: each in its order, one line a period. */
async function account(world: MovingWorld, { accountId, plan, startsAt, subscription }: Holder) {
  const closed = await world.rows<{ start: Date; end: Date; quantity: number }>(
    sql`select period_start as start, period_end as end, quantity from usage_periods p
      left join usage_totals t using (account_id, period_start) where account_id = ${accountId}::text
      and plan_id = ${plan.planId}::text and period_start >= ${startsAt}::timestamptz and closed_at is not null order by 1`,
  );
  const resets = await world.rows<{ key: string }>(
    sql`select dedupe_key as key from notices where account_id = ${accountId}::text and type = 'period.reset' order by notice_no`,
  );
  const closes = await world.rows<{ start: Date; end: Date; state: string; mismatch: string | null }>(
    sql`select period_start as start, period_end as end, state, mismatch from period_closes
      where account_id = ${accountId}::text order by 1`,
  );
  const gaps = await world.rows<{ start: Date }>(
    sql`select period_start as start from (select *, lag(period_end) over (order by period_start) as before
      from usage_periods where account_id = ${accountId}::text) p where before <> period_start`,
  );
  return {
    closed: closed.map((period) => `${told(period.start, period.end)} ${period.quantity}`),
    resets: resets.map(({ key }) => key.split(".").slice(3).join(".")),
    closes: closes.map((close) => `${told(close.start, close.end)} ${close.state} ${close.mismatch}`),
    gaps,
    invoices: subscription === null ? [] : await billed(world, subscription),
  };
}

async function billed({ stripe }: MovingWorld, subscription: string): Promise<string[]> {
  const { data: metered } = await stripe.prices.list({
    lookup_keys: ["driftlock_pro_v1_events", "driftlock_business_v2_events"],
  });
  const meteredIds = new Set<unknown>(metered.map(({ id }) => id));
  const { data } = await stripe.invoices.list({ subscription, limit: 100 });
  return data.toReversed().map(({ status, total, lines }) => {
    // Usage has a line for each tier that it reached.
    const usage = lines.data.filter(({ pricing }) => meteredIds.has(pricing?.price_details?.price));
    const periods = (all: readonly Stripe.InvoiceLineItem[]) =>
      [...new Set(all.map(({ period }) => toldSeconds(period)))].join(", ");
    const licences = lines.data.filter((line) => !usage.includes(line));
    const quantity = usage.reduce((sum, line) => sum + (line.quantity ?? 0), 0);
    return `${status} ${total}: ${periods(licences)}; ${periods(usage)} ${quantity}`;
  });
}

/** The same, as it has to be. */
function expected(holder: Holder) {
  let cycles = 0;
  while (boundary(holder, cycles + 1) < end) cycles += 1;
  const indices = Array.from({ length: cycles }, (_, index) => index);
  const { subscription, plan } = holder;
  const invoiceAfter = (index: number) =>
    `paid ${plan.amountMinor + 50 * (index + 1)}: ${span(holder, index + 1)}; ${span(holder, index)} ${quantityIn(holder, index)}`;
  return {
    closed: indices.map((index) => `${span(holder, index)} ${quantityIn(holder, index)}`),
    resets: indices.map((index) => boundary(holder, index + 1).toISOString()),
    closes: subscription === null ? [] : indices.map((index) => `${span(holder, index)} closed null`),
    gaps: [],
    invoices:
      subscription === null
        ? []
        : [`paid ${plan.amountMinor}: ${span(holder, 0)};  0`, ...indices.map(invoiceAfter)],
  };
}

/** The instant at which the account's next period can be closed: all that was used in it is in. */
function nextStop(holder: Holder, now: Date): number {
  for (let index = 1; ; index += 1) {
    const closableMs = boundary(holder, index).getTime() + closeLatenessMs;
    // Accounts of one anchor are closed together.
    const stopMs = Math.ceil(closableMs / minuteMs) * minuteMs;
    if (stopMs > now.getTime()) return stopMs;
  }
}

test("two years of every anchor: each period billed once and reset once, with its own usage", {
  timeout: 120_000,
}, async () => {
  const world = await openInstallation();
  const work = createDueWork(world);
  const holders: Holder[] = [];
  const used = new Set<string>();
  // 2028 is a leap year.
  const openings = ["01-28", "01-29", "01-30", "01-31", "02-29"].map((day) => at(`2028-${day}T10:00:00`));
  while (world.clock.now() < end) {
    for (const holder of holders) await usePeriods(world, holder, used);
    const now = world.clock.now();
    const opening = openings.find((each) => each > now) ?? end;
    const stops = holders.map((holder) => nextStop(holder, now));
    const stopAt = new Date(Math.min(opening.getTime(), ...stops));
    await world.travelTo(stopAt);
    if (stopAt.getTime() === opening.getTime() && stopAt < end)
      holders.push(...(await openHolders(world, opening)));
    await work();
  }
  for (const holder of holders)
    expect({ [holder.accountId]: await account(world, holder) }).toEqual({
      [holder.accountId]: expected(holder),
    });
});
