import type { FastifyInstance } from "fastify";
import { cancelSubscription } from "../billing/cancel-subscription.ts";
import { pauseSubscription, resumeSubscription } from "../billing/pause-subscription.ts";
import { recordChange } from "../billing/record-change.ts";
import { updateSubscription } from "../billing/update-subscription.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";
import { createCard } from "../payments/payment-methods.ts";
import { confirmSetup, newSetupIntent } from "../payments/setup-intents.ts";
import type { Simulation } from "../simulation.ts";
import { act } from "./act.ts";
import { type CardFields, cardFromForm } from "./card-form.ts";
import { readForm } from "./form.ts";
import { html } from "./html.ts";
import { layout } from "./layout.ts";
import { liveSubscriptions, showPortal } from "./portal-view.ts";

type Session = ObjectOf<"billing_portal.session">;

/** Registers the customer portal at a portal session's `url`: plan and its change, card, cancel, pause and resume, invoices. */
export function registerPortalPage(app: FastifyInstance, sim: Simulation): void {
  app.get<{ Params: { id: string } }>("/p/session/:id", ({ params }, reply) => {
    const session = sim.store.get("billing_portal.session", params.id);
    return reply
      .code(session === undefined ? 404 : 200)
      .type("text/html")
      .send(session === undefined ? missing() : showPortal(sim, session));
  });

  const action = <F extends { [K in keyof F]?: string }>(
    name: string,
    work: (ctx: SimContext, session: Session, form: F) => string | undefined,
  ): void => {
    app.post<{ Params: { id: string } }>(`/p/session/:id/${name}`, (request, reply) => {
      const session = sim.store.get("billing_portal.session", request.params.id);
      if (session === undefined) return reply.code(404).type("text/html").send(missing());
      let target: string | undefined;
      const error = act(sim, (ctx) => {
        target = work(ctx, session, readForm<F>(request.body));
      });
      if (error === null) return reply.redirect(target ?? session.url, 303);
      return reply
        .code(error.status)
        .type("text/html")
        .send(showPortal(sim, session, error.body.message));
    });
  };

  action<{ subscription?: string }>("cancel", (ctx, session, { subscription = "" }) => {
    const { mode, enabled } = featuresOf(ctx, session).subscription_cancel;
    if (!enabled) throw invalidRequest("Cancelling is not possible here.");
    owned(ctx, session, subscription);
    if (mode === "immediately") cancelSubscription(ctx, subscription, {});
    else updateSubscription(ctx, subscription, { cancel_at_period_end: true });
    return undefined;
  });
  action<{ subscription?: string }>("resume", (ctx, session, { subscription = "" }) => {
    owned(ctx, session, subscription);
    if (ctx.store.getOrThrow("subscription", subscription).status === "paused")
      resumeSubscription(ctx, subscription, {});
    else updateSubscription(ctx, subscription, { cancel_at_period_end: false });
    return undefined;
  });
  action<{ subscription?: string }>("pause", (ctx, session, { subscription = "" }) => {
    const { subscription_pause: pause } = featuresOf(ctx, session);
    if (!pause.enabled) throw invalidRequest("Pausing is not possible here.");
    owned(ctx, session, subscription);
    pauseSubscription(ctx, subscription, {});
    return undefined;
  });
  action<{ subscription?: string; price?: string }>(
    "update",
    (ctx, session, { subscription = "", price = "" }) => {
      const { subscription_update: update } = featuresOf(ctx, session);
      const isOffered = (update.products ?? []).some(({ prices }) => prices.includes(price));
      if (!update.enabled || !isOffered) throw invalidRequest("This plan cannot be chosen here.");
      owned(ctx, session, subscription);
      const { items } = ctx.store.getOrThrow("subscription", subscription);
      const licence = items.data.find((item) => item.price.recurring?.usage_type === "licensed");
      updateSubscription(ctx, subscription, {
        items: [{ ...(licence === undefined ? {} : { id: licence.id }), price }],
        proration_behavior: update.proration_behavior as "create_prorations",
      });
      return undefined;
    },
  );
  action<CardFields>("card", (ctx, session, form) => {
    const method = createCard(ctx, {
      card: cardFromForm(form),
      ...(form.name ? { billingDetails: { name: form.name } } : {}),
    });
    const intent = newSetupIntent(ctx, {
      customer: session.customer,
      _returnUrl: `${session.url}/card-saved`,
    });
    const confirmed = confirmSetup(ctx, intent, method);
    if (confirmed.status === "requires_action") return `${ctx.baseUrl}/_sim/3ds/${intent.id}`;
    makeDefault(ctx, session.customer, method.id);
    return undefined;
  });

  app.get<{ Params: { id: string }; Querystring: { setup_intent?: string } }>(
    "/p/session/:id/card-saved",
    ({ params, query }, reply) => {
      const session = sim.store.get("billing_portal.session", params.id);
      const intent = sim.store.get("setup_intent", query.setup_intent ?? "");
      if (session === undefined || intent === undefined || intent.customer !== session.customer)
        return reply.code(404).type("text/html").send(missing());
      if (intent.status !== "succeeded" || intent.payment_method === null)
        return reply
          .type("text/html")
          .send(showPortal(sim, session, "The card was not authenticated and is not used."));
      const { payment_method: method } = intent;
      sim.transact(null, (ctx) => makeDefault(ctx, session.customer, method));
      return reply.redirect(session.url, 303);
    },
  );
}

const featuresOf = (ctx: SimContext, { configuration }: Session) =>
  ctx.store.getOrThrow("billing_portal.configuration", configuration).features;

/** The card that is charged from now on: the customer's default, and each live subscription's own. */
function makeDefault(ctx: SimContext, customerId: string, paymentMethodId: string): void {
  const { invoice_settings: settings } = ctx.store.getOrThrow("customer", customerId);
  const change = { invoice_settings: { ...settings, default_payment_method: paymentMethodId } };
  recordChange(ctx, "customer", customerId, change);
  for (const { id } of liveSubscriptions(ctx.store, customerId))
    recordChange(ctx, "subscription", id, { default_payment_method: paymentMethodId });
}

function owned(ctx: SimContext, session: Session, subscriptionId: string): void {
  if (ctx.store.getOrThrow("subscription", subscriptionId).customer !== session.customer)
    throw invalidRequest(`No such subscription: '${subscriptionId}'`, { code: "resource_missing" });
}

const missing = (): string =>
  layout(
    "Not found",
    html`<div class="card"><h1>This portal link is not valid</h1><p class="soft">Go back and open the portal again.</p></div>`,
  );
