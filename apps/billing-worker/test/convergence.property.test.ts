import { handledStripeEventTypes, type StripeHint } from "@driftlock/contracts";
import { sql } from "@driftlock/db";
import { Lifecycle } from "@driftlock/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openSide, openWorld, type Side, type World } from "./world.ts";

/** A customer's life, a step at a time: bought, set to end, resumed, another card, cancelled, bought again. */
function* liveOn(world: World, customer: string): Generator<() => Promise<unknown>> {
  const { stripe } = world;
  let pro = "";
  let card = "";
  yield async () => {
    const abandoned = await world.openCheckout("acme", customer, "business");
    await stripe.checkout.sessions.expire(abandoned.id);
    pro = await world.subscribe("acme", customer, "pro");
  };
  yield () => stripe.subscriptions.update(pro, { cancel_at_period_end: true });
  yield () => stripe.subscriptions.update(pro, { cancel_at_period_end: false });
  yield async () => {
    card = (await stripe.paymentMethods.attach("pm_card_mastercard", { customer })).id;
    await stripe.customers.update(customer, { invoice_settings: { default_payment_method: card } });
  };
  yield async () => {
    const { default_payment_method: old } = await stripe.subscriptions.retrieve(pro);
    await stripe.subscriptions.update(pro, { default_payment_method: card });
    if (typeof old === "string") await stripe.paymentMethods.detach(old);
  };
  yield () => stripe.subscriptions.cancel(pro);
  yield () => world.subscribe("acme", customer, "business");
  yield async () => {
    const { id } = await stripe.customers.create({ name: "Stranger" });
    await stripe.customers.update(id, { name: "None of ours" });
  };
}
const stepCount = 8;

/** What the sweep would find too; events of other types are recorded and change nothing. */
const handled = async (world: World): Promise<StripeHint[]> =>
  (await world.history()).filter(({ type }) => handledStripeEventTypes.some((known) => known === type));

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
  // Not their outcomes: a card that was detached before its event came is none of ours any more.
  events: await rows(sql`select event_id from stripe_events order by 1`),
});

/** All events once, in their order, after all has happened. */
async function playStraight(world: World, history: readonly StripeHint[]) {
  const life = new Lifecycle();
  try {
    const side = await openSide(life, { stripe: world.stripe, simulatorUrl: world.simulator.url });
    await side.openAccount("acme");
    await side.startWorker();
    await side.deliver(history);
    await side.settle();
    return await mirror(side);
  } finally {
    await life.close();
  }
}

/** What arrives after a step: indexes into all events so far (taken modulo their number), in this order. */
const arrivals = fc.record({
  indexes: fc.array(fc.nat({ max: 100 }), { maxLength: 30 }),
  isSettled: fc.boolean(),
  isRestarted: fc.boolean(),
});

test("however events arrive – shuffled, repeated, late, lost – the rows end the same", {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arrivals, { minLength: stepCount, maxLength: stepCount }), async (plan) => {
      const world = await openWorld();
      try {
        await world.openAccount("acme");
        const customer = await world.createCustomer("acme");
        let worker = await world.startWorker();
        let stepNo = 0;
        for (const step of liveOn(world, customer)) {
          await step();
          const history = await handled(world);
          const { indexes = [], isSettled, isRestarted } = plan[stepNo++] ?? {};
          await world.deliver(indexes.flatMap((index) => history[index % history.length] ?? []));
          if (isSettled) await world.settle();
          if (isRestarted) {
            await worker.close();
            worker = await world.startWorker();
          }
        }
        // What never arrived is left to the sweep.
        await world.sweep();
        await world.settle();
        const expected = await playStraight(world, await handled(world));
        expect(expected.subscriptions).toHaveLength(2);
        expect(expected.plans).toMatchObject([{ plan_id: "business" }]);
        expect(await mirror(world)).toEqual(expected);
      } finally {
        await world.life.close();
      }
    }),
    { numRuns: 4, seed: 20_261_122, endOnFailure: true },
  );
});
