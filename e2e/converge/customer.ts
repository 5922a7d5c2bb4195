import { accounts, type Db, planChanges, subscriptions } from "@driftlock/db";
import { initialFreePeriods, isLiveSubscription } from "@driftlock/domain";
import type { Stripe } from "@driftlock/stripe";
import { createEnsureCustomer } from "../../apps/api/src/use-cases/ensure-customer.ts";
import { storeUsage } from "./store-usage.ts";
import type { Action } from "./history.ts";
import type { Place } from "./place.ts";

interface CustomerDeps {
  place: Place;
  accountId: string;
  /** Told of each customer that is made at Stripe. */
  onCustomer(stripeCustomerId: string): void;
  /** Told of each change that is asked for. */
  onAsked(changeId: string): void;
}

/** Wall time, of which each round passes a minute: longer than any backoff, shorter than a slot may take. */
const changeGivenUpMs = 15 * 60_000;

const isOver = ({ status }: Stripe.Subscription): boolean =>
  status === "canceled" || status === "incomplete_expired";

/**
 * What one customer can do. It asks Stripe what there is and never us, so that an action does not depend on how far
 * our mirror has come; one that is not possible at the moment is not done.
 */
export function createCustomer({ place, accountId, onCustomer, onAsked }: CustomerDeps) {
  const { stripe, db, time } = place;
  const gatewayCustomer = createEnsureCustomer({ db, stripe });
  let customerId: string | null = null;
  let stored = 0;
  let asked = 0;

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
      line_items: await lineItems(place, plan),
      success_url: "http://localhost/ok",
      cancel_url: "http://localhost/no",
    });
    return id;
  };
  /** What is done at Stripe beside its API: on its pages, and by banks. */
  const tell = async (path: string, body: Record<string, unknown>): Promise<void> => {
    const url = `${place.simulator.url}/_sim/${path}`;
    const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
    await response.arrayBuffer();
  };
  const pay = (sessionId: string, card: string): Promise<void> =>
    tell(`checkout/${sessionId}/pay`, { card, authenticate: true });
  const makeDefault = async (customer: string, card: string): Promise<void> => {
    await stripe.customers.update(customer, { invoice_settings: { default_payment_method: card } });
    const subscription = await present();
    if (subscription !== null)
      await stripe.subscriptions.update(subscription.id, { default_payment_method: card });
  };
  /** Asks for a change, as the gateway does: of what is mirrored, and one at a time. */
  const ask = async (wish: planChanges.ChangeWish, wantedPlanId: "pro" | "business" | null = null) => {
    const mirrored = await subscriptions.listSubscriptions(db, accountId);
    const live = mirrored.findLast(({ status }) => isLiveSubscription(status));
    if (live === undefined) return;
    const changeId = `${accountId}.${asked++}`;
    onAsked(changeId);
    await planChanges.insertChange(db, {
      changeId,
      accountId,
      stripeSubscriptionId: live.stripeSubscriptionId,
      wish,
      wantedPlanId,
      now: time.clock.now(),
      giveUpAt: new Date(time.wallClock.now().getTime() + changeGivenUpMs),
    });
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
    upgrade: () => ask("change", "business"),
    downgrade: () => ask("change", "pro"),
    "cancel-at-end": async ({ by }) => {
      if (by === "us") return ask("cancel");
      const subscription = await present();
      // While a schedule manages it, the portal offers none.
      if (subscription === null || subscription.schedule !== null) return;
      return stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    },
    "cancel-now": () => ask("cancel-now"),
    "cancel-at-stripe": async () => {
      const subscription = await present();
      if (subscription !== null) await stripe.subscriptions.cancel(subscription.id);
    },
    resume: async ({ by }) => {
      if (by === "us") return ask("resume");
      const subscription = await present();
      if (subscription?.cancel_at_period_end === true)
        return stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
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
    "decide-dispute": async ({ status }) => {
      if (customerId === null) return;
      const { data } = await stripe.charges.list({ customer: customerId, limit: 100 });
      const disputed = data.filter((charge) => charge.disputed);
      const lists = await Promise.all(disputed.map(({ id }) => stripe.disputes.list({ charge: id })));
      const open = lists.flatMap((list) => list.data).find((dispute) => dispute.status === "needs_response");
      if (open !== undefined) await tell(`disputes/${open.id}/decide`, { status });
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

async function lineItems({ stripe }: Place, plan: string) {
  const keys = [`driftlock_${plan}_v1`, ...(plan === "pro" ? ["driftlock_pro_v1_events"] : [])];
  const { data } = await stripe.prices.list({ lookup_keys: keys });
  return data.map(({ id, recurring }) => ({
    price: id,
    ...(recurring?.usage_type === "licensed" && { quantity: 1 }),
  }));
}
