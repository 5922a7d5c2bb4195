import { cancelNow } from "@driftlock/contracts";
import { accounts, type Db } from "@driftlock/db";
import { initialFreePeriods } from "@driftlock/domain";
import type { Stripe } from "@driftlock/stripe";
import { createEnsureCustomer } from "../../apps/api/src/use-cases/ensure-customer.ts";
import { storeUsage } from "./store-usage.ts";
import type { Action } from "./history.ts";
import type { JobQueue } from "./job-queue.ts";
import type { World } from "./world.ts";

interface CustomerDeps {
  world: World;
  accountId: string;
  queue: () => JobQueue;
  /** Told of each customer that is made at Stripe. */
  onCustomer(stripeCustomerId: string): void;
}

const isOver = ({ status }: Stripe.Subscription): boolean =>
  status === "canceled" || status === "incomplete_expired";

/**
 * What one customer can do. It asks Stripe what there is and never us, so that an action does not depend on how far
 * our mirror has come; one that is not possible at the moment is not done.
 */
export function createCustomer({ world, accountId, queue, onCustomer }: CustomerDeps) {
  const { stripe, db, time } = world;
  const gatewayCustomer = createEnsureCustomer({ db, stripe });
  let customerId: string | null = null;
  let stored = 0;

  const ensureCustomer = async (): Promise<string> => {
    if (customerId !== null) return customerId;
    customerId = await gatewayCustomer(accountId);
    onCustomer(customerId);
    return customerId;
  };
  const present = async (): Promise<Stripe.Subscription | null> => {
    if (customerId === null) return null;
    const { data } = await stripe.subscriptions.list({ customer: customerId, status: "all", limit: 10 });
    return data.find((each) => !isOver(each)) ?? null;
  };
  const checkout = async (plan: string): Promise<string> => {
    const customer = await ensureCustomer();
    const { id } = await stripe.checkout.sessions.create({
      mode: "subscription",
      customer,
      client_reference_id: accountId,
      metadata: { account_id: accountId, plan_id: plan },
      subscription_data: { metadata: { account_id: accountId } },
      line_items: await lineItems(world, plan),
      success_url: "http://localhost/ok",
      cancel_url: "http://localhost/no",
    });
    return id;
  };
  const pay = async (sessionId: string, card: string): Promise<void> => {
    const url = `${world.simulator.url}/_sim/checkout/${sessionId}/pay`;
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ card, authenticate: true }) });
    await response.arrayBuffer();
  };
  const makeDefault = async (customer: string, card: string): Promise<void> => {
    await stripe.customers.update(customer, { invoice_settings: { default_payment_method: card } });
    const subscription = await present();
    if (subscription !== null)
      await stripe.subscriptions.update(subscription.id, { default_payment_method: card });
  };
  const openInvoice = async (): Promise<Stripe.Invoice | undefined> =>
    customerId === null
      ? undefined
      : (await stripe.invoices.list({ customer: customerId, status: "open", limit: 1 })).data[0];

  const acts: { [Do in Action["do"]]: (action: Extract<Action, { do: Do }>) => Promise<unknown> } = {
    subscribe: async ({ plan, card }) => {
      if ((await present()) === null) await pay(await checkout(plan), card);
    },
    "subscribe-twice": async ({ plans }) => {
      if ((await present()) !== null) return;
      const sessions = [await checkout(plans[0]), await checkout(plans[1])];
      for (const session of sessions) await pay(session, "pm_card_visa");
    },
    upgrade: async () => changePlan(world, await present(), "business"),
    downgrade: async () => scheduleChange(world, await present(), "pro"),
    "cancel-at-end": async () => {
      const subscription = await present();
      if (subscription === null) return;
      if (typeof subscription.schedule === "string")
        await stripe.subscriptionSchedules.release(subscription.schedule);
      await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    },
    "cancel-now": async () => {
      const subscription = await present();
      if (subscription === null) return;
      const cancelAt = new Date(Math.floor(time.clock.now().getTime() / 1000) * 1000).toISOString();
      // The gateway names what it has in its mirror.
      const known = await db.row("converge.isKnown", {
        text: "select 1 from user_subscriptions where stripe_subscription_id = $1 and status <> 'canceled'",
        values: [subscription.id],
      });
      if (known !== null) queue().add(cancelNow, { stripeSubscriptionId: subscription.id, cancelAt });
    },
    "cancel-at-stripe": async () => {
      const subscription = await present();
      if (subscription !== null) await stripe.subscriptions.cancel(subscription.id);
    },
    resume: async () => {
      const subscription = await present();
      if (subscription?.cancel_at_period_end === true)
        await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
    },
    "new-card": async ({ card, by }) => {
      if (customerId === null) return;
      if (by === "form") {
        const intent = await stripe.setupIntents.create({ customer: customerId, usage: "off_session" });
        return stripe.setupIntents.confirm(intent.id, { payment_method: card });
      }
      const { id } = await stripe.paymentMethods.attach(card, { customer: customerId });
      return by === "portal" ? makeDefault(customerId, id) : undefined;
    },
    "detach-card": async () => {
      const method = (await present())?.default_payment_method;
      if (typeof method === "string") await stripe.paymentMethods.detach(method);
    },
    "pay-open-invoice": async ({ card }) => {
      const invoice = await openInvoice();
      if (invoice === undefined || customerId === null) return;
      const { id } = await stripe.paymentMethods.attach(card, { customer: customerId });
      await stripe.invoices.pay(invoice.id, { payment_method: id });
    },
    refund: async ({ share }) => {
      if (customerId === null) return;
      const { data } = await stripe.charges.list({ customer: customerId, limit: 10 });
      const charge = data.find(({ paid, amount_refunded }) => paid && amount_refunded === 0);
      if (charge === undefined) return;
      const amount = share === "all" ? charge.amount : Math.ceil(charge.amount / 2);
      await stripe.refunds.create({ charge: charge.id, amount });
    },
    "delete-customer": async () => {
      if (customerId === null) return;
      await stripe.customers.del(customerId);
      customerId = null;
    },
    use: ({ quantity }) =>
      storeUsage(db, { accountId, eventId: `use-${stored++}`, quantity, at: time.clock.now() }),
  };

  return {
    openAccount: () => openAccount(db, accountId, time.clock.now()),
    /** @returns whether Stripe took it. */
    act: async (action: Action): Promise<boolean> => {
      try {
        await (acts[action.do] as (given: Action) => Promise<unknown>)(action);
        return true;
      } catch (error) {
        if (isRefusal(error)) return false;
        throw error;
      }
    },
  };
}

/** What Stripe, or a bank, does not do; anything else is a fault of this test. */
const isRefusal = (error: unknown): boolean => {
  const { statusCode } = error as { statusCode?: number };
  return statusCode === 400 || statusCode === 402 || statusCode === 404;
};

async function openAccount(db: Db, accountId: string, now: Date): Promise<void> {
  const periods = initialFreePeriods(now);
  await accounts.insertAccount(db, { accountId, name: null, email: null, now, freePlanVersion: 1, periods });
}

async function lineItems({ stripe }: World, plan: string) {
  const keys = [`driftlock_${plan}_v1`, ...(plan === "pro" ? ["driftlock_pro_v1_events"] : [])];
  const { data } = await stripe.prices.list({ lookup_keys: keys });
  return data.map(({ id, recurring }) => ({
    price: id,
    ...(recurring?.usage_type === "licensed" && { quantity: 1 }),
  }));
}

/** As the gateway does it: the items are swapped at a whole second, which the metadata names. */
async function changePlan(
  world: World,
  subscription: Stripe.Subscription | null,
  plan: "pro" | "business",
): Promise<void> {
  if (subscription?.status !== "active" || typeof subscription.schedule === "string") return;
  const wanted = await lineItems(world, plan);
  const has = new Set(subscription.items.data.map(({ price }) => price.id));
  if (wanted.every(({ price }) => has.has(price)) && wanted.length === has.size) return;
  const changedAt = Math.floor(world.time.clock.now().getTime() / 1000);
  await world.stripe.subscriptions.update(subscription.id, {
    items: [...subscription.items.data.map(({ id }) => ({ id, deleted: true })), ...wanted],
    proration_behavior: "always_invoice",
    proration_date: changedAt,
    payment_behavior: "error_if_incomplete",
    metadata: { plan_changed_at: String(changedAt) },
  });
}

async function scheduleChange(
  { stripe, ...world }: World,
  subscription: Stripe.Subscription | null,
  plan: "pro",
): Promise<void> {
  const item = subscription?.items.data[0];
  if (subscription?.status !== "active" || item === undefined || typeof subscription.schedule === "string") return;
  if (subscription.cancel_at_period_end)
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  await stripe.subscriptionSchedules.update(schedule.id, {
    end_behavior: "release",
    proration_behavior: "none",
    phases: [
      {
        start_date: schedule.current_phase?.start_date ?? item.current_period_start,
        end_date: item.current_period_end,
        items: subscription.items.data.map(({ price, quantity }) => ({
          price: price.id,
          ...(quantity !== undefined && { quantity }),
        })),
      },
      {
        duration: { interval: "month", interval_count: 1 },
        proration_behavior: "none",
        metadata: { plan_changed_at: String(item.current_period_end) },
        items: await lineItems({ stripe, ...world }, plan),
      },
    ],
  });
}
