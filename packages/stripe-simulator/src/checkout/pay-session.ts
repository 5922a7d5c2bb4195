import type Stripe from "stripe";
import { createSubscription } from "../billing/subscriptions.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";
import { needsChallenge } from "../payments/attempt.ts";
import { passed } from "../payments/challenge.ts";
import { attachPaymentMethod, type CardInput, createCard } from "../payments/payment-methods.ts";
import { confirmSetup } from "../payments/setup-intents.ts";
import { createCustomer } from "../routes/customers.ts";
import type { Stored } from "../stored.ts";

type Session = ObjectOf<"checkout.session">;
type PaymentMethod = ObjectOf<"payment_method">;

export interface PayInput {
  card: CardInput;
  email?: string | undefined;
  name?: string | undefined;
}

export type PayOutcome =
  | { outcome: "complete"; redirectUrl: string }
  | { outcome: "requires-action"; challengeUrl: string };

/**
 * Pays an open session with a card, as its page does. Throws Stripe's 402 where the card is declined: the session stays
 * open and nothing else is left of the try.
 */
export function paySession(ctx: SimContext, sessionId: string, input: PayInput): PayOutcome {
  const session = openSession(ctx, sessionId);
  return ctx.store.savepoint(() => {
    const { email = session.customer_email ?? undefined, name } = input;
    const method = createCard(ctx, {
      card: input.card,
      billingDetails: { ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) },
    });
    if (!needsChallenge(method, false)) return complete(ctx, session, method);
    ctx.store.update("checkout.session", session.id, {
      _checkout: { ...session._checkout, challengedPaymentMethodId: method.id },
    });
    return { outcome: "requires-action", challengeUrl: `${ctx.baseUrl}/_sim/3ds/${session.id}` };
  });
}

/** Goes on after the bank's challenge was passed; throws the card's decline like `paySession`. */
export function resumeSession(ctx: SimContext, sessionId: string): PayOutcome {
  const session = openSession(ctx, sessionId);
  const { challengedPaymentMethodId } = session._checkout;
  if (challengedPaymentMethodId === null)
    throw invalidRequest("This Checkout Session does not wait for authentication.");
  return ctx.store.savepoint(() => complete(ctx, session, passed(ctx, challengedPaymentMethodId)));
}

/** The session, if it can still be paid; a 400 that says its state otherwise. */
function openSession(ctx: SimContext, sessionId: string): Session {
  const session = ctx.store.getOrThrow("checkout.session", sessionId);
  if (session.status !== "open")
    throw invalidRequest(`This Checkout Session cannot be paid: it is ${session.status}.`, {
      code: "checkout_session_not_open",
    });
  return session;
}

function complete(ctx: SimContext, session: Session, method: PaymentMethod): PayOutcome {
  const customerId =
    session.customer ?? (session.mode === "setup" ? null : newCustomerId(ctx, session, method));
  const change =
    session.mode === "setup"
      ? finishSetup(ctx, session, method)
      : subscribe(ctx, session, method, customerId ?? "");
  const customer = customerId === null ? undefined : ctx.store.getOrThrow("customer", customerId);
  const completed = ctx.store.update("checkout.session", session.id, {
    ...change,
    customer: customerId,
    customer_details: {
      address: method.billing_details.address,
      business_name: null,
      email: method.billing_details.email ?? customer?.email ?? null,
      individual_name: null,
      name: method.billing_details.name ?? customer?.name ?? null,
      phone: null,
      tax_exempt: "none",
      tax_ids: [],
    },
    status: "complete",
    url: null,
    _checkout: { ...session._checkout, challengedPaymentMethodId: null },
  });
  ctx.emit("checkout.session.completed", completed);
  return { outcome: "complete", redirectUrl: successUrl(completed) };
}

function newCustomerId(ctx: SimContext, session: Session, method: PaymentMethod): string {
  const { email, name } = method.billing_details;
  return createCustomer(ctx, {
    ...(email === null ? {} : { email }),
    ...(name === null ? {} : { name }),
    ...(session.metadata === null ? {} : { metadata: {} }),
  }).id;
}

function subscribe(
  ctx: SimContext,
  session: Session,
  method: PaymentMethod,
  customerId: string,
): Partial<Session> {
  const attached = attachPaymentMethod(ctx, method, customerId);
  const subscription = createSubscription(ctx, {
    ...(session._checkout.subscriptionData as Partial<Stored<Stripe.SubscriptionCreateParams>>),
    customer: customerId,
    items: session._checkout.lineItems.map(({ price, quantity }) => ({
      price,
      ...(quantity === null ? {} : { quantity }),
    })),
    default_payment_method: attached.id,
    payment_behavior: "error_if_incomplete",
  });
  const kept = ctx.store.getOrThrow("payment_method", attached.id);
  ctx.store.update("payment_method", kept.id, {
    _card: { ...kept._card, isSetUp: true, isAuthenticated: false },
  });
  return {
    subscription: subscription.id,
    invoice: subscription.latest_invoice,
    payment_status: subscription.status === "trialing" ? "no_payment_required" : "paid",
  };
}

function finishSetup(ctx: SimContext, session: Session, method: PaymentMethod): Partial<Session> {
  confirmSetup(ctx, ctx.store.getOrThrow("setup_intent", session.setup_intent ?? ""), method);
  return { payment_status: "no_payment_required" };
}

const successUrl = (session: Session): string =>
  (session.success_url ?? "").replaceAll("{CHECKOUT_SESSION_ID}", session.id);
