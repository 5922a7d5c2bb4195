import type { SimContext } from "../context.ts";
import { cardError, invalidRequest, type StripeError } from "../errors.ts";
import { render } from "../http/render.ts";
import type { ObjectOf } from "../objects.ts";
import { needsChallenge } from "./attempt.ts";
import { declineMessage } from "./cards.ts";
import { assertUsable, attachPaymentMethod, testCardOf } from "./payment-methods.ts";

type SetupIntent = ObjectOf<"setup_intent">;
type PaymentMethod = ObjectOf<"payment_method">;

/** Stores a SetupIntent that waits for a card and emits `setup_intent.created`. */
export function newSetupIntent(ctx: SimContext, over: Partial<SetupIntent>): SetupIntent {
  const id = ctx.newId("seti");
  const intent: SetupIntent = {
    id,
    object: "setup_intent",
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: { enabled: true, allow_redirects: "always" },
    cancellation_reason: null,
    client_secret: `${id}_secret_${ctx.newId("s").slice(2)}`,
    created: ctx.now(),
    customer: null,
    description: null,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    mandate: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ["card"],
    single_use_mandate: null,
    status: "requires_payment_method",
    usage: "off_session",
    _challengedPaymentMethodId: null,
    _returnUrl: null,
    ...over,
  };
  ctx.store.put("setup_intent", intent);
  ctx.emit("setup_intent.created", intent);
  return intent;
}

/**
 * Sets a card up for later payments: succeeds and attaches it to the intent's customer, asks for the bank's challenge,
 * or throws the card's decline (402).
 */
export function confirmSetup(
  ctx: SimContext,
  intent: SetupIntent,
  paymentMethod: PaymentMethod,
): SetupIntent {
  if (!["requires_payment_method", "requires_confirmation", "requires_action"].includes(intent.status))
    throw invalidRequest(`You cannot confirm this SetupIntent because it has a status of ${intent.status}.`, {
      code: "setup_intent_unexpected_state",
    });
  assertUsable(paymentMethod);
  if (needsChallenge(paymentMethod, false)) {
    const url = `${ctx.baseUrl}/_sim/3ds/${intent.id}`;
    const challenged = ctx.store.update("setup_intent", intent.id, {
      status: "requires_action",
      payment_method: paymentMethod.id,
      next_action: { type: "redirect_to_url", redirect_to_url: { return_url: intent._returnUrl, url } },
      _challengedPaymentMethodId: paymentMethod.id,
    });
    ctx.emit("setup_intent.requires_action", challenged);
    return challenged;
  }
  const { decline, attaches } = testCardOf(paymentMethod);
  if (decline !== null && !attaches) throw failSetup(ctx, intent, paymentMethod, decline);
  const card = { ...paymentMethod._card, isAuthenticated: false, isSetUp: true };
  const ready = ctx.store.update("payment_method", paymentMethod.id, { _card: card });
  const succeeded = ctx.store.update("setup_intent", intent.id, {
    status: "succeeded",
    payment_method: paymentMethod.id,
    last_setup_error: null,
    next_action: null,
    _challengedPaymentMethodId: null,
  });
  if (intent.customer !== null) attachPaymentMethod(ctx, ready, intent.customer);
  ctx.emit("setup_intent.succeeded", succeeded);
  return succeeded;
}

/** Records a refused card on the intent, emits `setup_intent.setup_failed`, and returns the 402 to throw. */
export function failSetup(
  ctx: SimContext,
  intent: SetupIntent,
  paymentMethod: PaymentMethod,
  decline: { code: string; declineCode: string },
): StripeError {
  const message = declineMessage(decline.code, decline.declineCode);
  const error = { code: decline.code, decline_code: decline.declineCode };
  const failed = ctx.store.update("setup_intent", intent.id, {
    status: "requires_payment_method",
    payment_method: null,
    next_action: null,
    last_setup_error: {
      type: "card_error",
      message,
      ...error,
      payment_method: paymentMethod,
    } as SetupIntent["last_setup_error"],
    _challengedPaymentMethodId: null,
  });
  ctx.emit("setup_intent.setup_failed", failed);
  return cardError(message, {
    ...error,
    setup_intent: render(failed),
    payment_method: render(paymentMethod),
  });
}
