import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";

type PaymentIntent = ObjectOf<"payment_intent">;
type NewPaymentIntent = Pick<PaymentIntent, "amount" | "currency" | "_payment"> & Partial<PaymentIntent>;

/** Stores a PaymentIntent that waits for a payment method and emits `payment_intent.created`. */
export function newPaymentIntent(ctx: SimContext, over: NewPaymentIntent): PaymentIntent {
  const id = ctx.newId("pi");
  const intent: PaymentIntent = {
    id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: { enabled: true, allow_redirects: "always" },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: "automatic",
    client_secret: `${id}_secret_${ctx.newId("s").slice(2)}`,
    confirmation_method: "automatic",
    created: ctx.now(),
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ["card"],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: "requires_payment_method",
    transfer_group: null,
    ...over,
  };
  ctx.store.put("payment_intent", intent);
  ctx.emit("payment_intent.created", intent);
  return intent;
}
