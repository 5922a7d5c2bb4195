import type { StripeHint } from "@driftlock/contracts";
import { sql } from "@driftlock/db";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Lifecycle } from "@driftlock/runtime";
import { openSide, openWorld, type Side } from "./world.ts";

/** A customer's life: bought, set to end, resumed, another card, renewed, cancelled, bought again. */
async function recordHistory(): Promise<{
  world: Awaited<ReturnType<typeof openWorld>>;
  history: StripeHint[];
}> {
  const world = await openWorld();
  const { stripe } = world;
  const customer = await world.createCustomer("acme");
  const abandoned = await world.openCheckout("acme", customer, "business");
  await stripe.checkout.sessions.expire(abandoned.id);
  const pro = await world.subscribe("acme", customer, "pro");
  await stripe.subscriptions.update(pro, { cancel_at_period_end: true });
  await stripe.subscriptions.update(pro, { cancel_at_period_end: false });
  const card = await stripe.paymentMethods.attach("pm_card_mastercard", { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: card.id } });
  const { default_payment_method: old } = await stripe.subscriptions.retrieve(pro);
  await stripe.subscriptions.update(pro, { default_payment_method: card.id });
  if (typeof old === "string") await stripe.paymentMethods.detach(old);
  await stripe.subscriptions.cancel(pro);
  await world.subscribe("acme", customer, "business");
  await stripe.customers
    .create({ name: "Stranger" })
    .then(({ id }) => stripe.customers.update(id, { name: "None of ours" }));
  return { world, history: await world.history() };
}

/** Everything that is mirrored, without what only counts the fetches. */
const mirror = async ({ rows }: Side) => ({
  accounts: await rows(sql`select account_id, stripe_customer_id from accounts order by 1`),
  subscriptions: await rows(
    sql`select to_jsonb(s) - 'fetch_sequence' as row from user_subscriptions s order by s.stripe_subscription_id`,
  ),
  invoices: await rows(
    sql`select to_jsonb(i) - 'fetch_sequence' as row from invoices i order by i.invoice_id`,
  ),
  cards: await rows(
    sql`select to_jsonb(p) - 'fetch_sequence' as row from payment_methods p order by p.payment_method_id`,
  ),
  plans: await rows(
    sql`select plan_id, stripe_subscription_id from usage_periods order by period_start desc limit 1`,
  ),
  events: await rows(sql`select event_id, outcome, reason from stripe_events order by 1`),
});

/** Shuffled, with repeats; `lost` never come and are left to the sweep. */
const disorder = (history: readonly StripeHint[]) =>
  fc.record({
    order: fc.shuffledSubarray(
      history.map((_, index) => index),
      { minLength: history.length },
    ),
    repeats: fc.array(fc.nat({ max: history.length - 1 }), { maxLength: 20 }),
    lost: fc.subarray(
      history.map((_, index) => index),
      { maxLength: 10 },
    ),
    isRestarted: fc.boolean(),
  });

test("a history, shuffled, repeated, and with losses, ends in the same rows", {
  timeout: 180_000,
}, async () => {
  const { world, history } = await recordHistory();
  expect(history.length).toBeGreaterThan(20);

  const play = async (hints: readonly StripeHint[], { isRestarted = false } = {}) => {
    const life = new Lifecycle();
    try {
      const side = await openSide(life, { stripe: world.stripe, simulatorUrl: world.simulator.url });
      await side.openAccount("acme");
      const half = Math.floor(hints.length / 2);
      const worker = await side.startWorker();
      await side.deliver(hints.slice(0, half));
      if (isRestarted) await worker.close().then(() => side.startWorker());
      await side.deliver(hints.slice(half));
      await side.sweep();
      await side.settle();
      return await mirror(side);
    } finally {
      await life.close();
    }
  };

  const expected = await play(history);
  expect(expected.subscriptions).toHaveLength(2);
  expect(expected.plans).toMatchObject([{ plan_id: "business" }]);
  await fc.assert(
    fc.asyncProperty(disorder(history), async ({ order, repeats, lost, isRestarted }) => {
      const pick = (indexes: readonly number[]) => indexes.flatMap((index) => history[index] ?? []);
      const arriving = pick(order.filter((index) => !lost.includes(index)));
      const repeated = pick(repeats.filter((index) => !lost.includes(index)));
      expect(await play([...arriving, ...repeated], { isRestarted })).toEqual(expected);
    }),
    { numRuns: 5, seed: 20_261_122 },
  );
});
