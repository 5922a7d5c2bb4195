import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { Includes } from "../http/expand.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import { closeDispute } from "../payments/disputes.ts";
import { testCardOf } from "../payments/payment-methods.ts";
import type { Stored } from "../stored.ts";
import { isAsked, inRange } from "./filters.ts";

type Charge = ObjectOf<"charge">;
type Refund = ObjectOf<"refund">;

/** Gives back all of a charge, or a part; emits `refund.created` and `charge.refunded`. */
function createRefund(ctx: SimContext, params: Stored<Stripe.RefundCreateParams>): Refund {
  const charge = refundedCharge(ctx, params);
  const left = charge.amount - charge.amount_refunded;
  const amount = params.amount ?? left;
  if (left === 0)
    throw invalidRequest(`Charge ${charge.id} has already been refunded.`, {
      code: "charge_already_refunded",
    });
  if (amount <= 0 || amount > left)
    throw invalidRequest(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, {
      param: "amount",
    });
  const method =
    charge.payment_method === null ? undefined : ctx.store.get("payment_method", charge.payment_method);
  const fate = method === undefined ? "succeeds" : testCardOf(method).refund;
  const refund: Refund = {
    id: ctx.newId("re"),
    object: "refund",
    amount,
    balance_transaction: null,
    charge: charge.id,
    created: ctx.now(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    metadata: applyMetadata(null, params.metadata),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: params.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: fate === "succeeds" ? "succeeded" : "pending",
    transfer_reversal: null,
  };
  ctx.store.put("refund", refund);
  const refunded = ctx.store.update("charge", charge.id, {
    amount_refunded: charge.amount_refunded + amount,
    refunded: amount === left,
  });
  ctx.emit("refund.created", refund);
  ctx.emit("charge.refunded", refunded, {
    amount_refunded: charge.amount_refunded,
    refunded: charge.refunded,
  });
  return fate === "fails" ? failRefund(ctx, refund, charge) : refund;
}

function failRefund(ctx: SimContext, refund: Refund, charge: Charge): Refund {
  const failed = ctx.store.update("refund", refund.id, {
    status: "failed",
    failure_reason: "expired_or_canceled_card",
  });
  ctx.store.update("charge", charge.id, {
    amount_refunded: charge.amount_refunded,
    refunded: charge.refunded,
  });
  ctx.emit("refund.failed", failed);
  return failed;
}

function refundedCharge(
  ctx: SimContext,
  { charge, payment_intent: intentId }: Stored<Stripe.RefundCreateParams>,
): Charge {
  if (charge !== undefined) return ctx.store.getOrThrow("charge", charge, "charge");
  if (intentId === undefined)
    throw invalidRequest(
      "One of the following params should be provided for this request: payment_intent or charge.",
    );
  const intent = ctx.store.getOrThrow("payment_intent", intentId, "payment_intent");
  const paid = intent.status === "succeeded" && intent.latest_charge !== null;
  if (!paid)
    throw invalidRequest("This PaymentIntent does not have a successful charge to refund.", {
      param: "payment_intent",
    });
  return ctx.store.getOrThrow("charge", intent.latest_charge ?? "");
}

export const chargeIncludes: Includes = {
  charge: {
    refunds: (ctx, charge: Charge) => ({
      object: "list",
      data: ctx.store
        .list("refund")
        .filter((refund) => refund.charge === charge.id)
        .toReversed(),
      has_more: false,
      url: `/v1/charges/${charge.id}/refunds`,
    }),
  },
};

export const chargeRoutes: Route[] = [
  route("GET", "/v1/charges/:id", { response: "Charge" }, (ctx, { path }) =>
    ctx.store.getOrThrow("charge", path["id"] ?? ""),
  ),
  listRoute<Stripe.ChargeListParams>(
    "/v1/charges",
    { params: "ChargeListParams", response: "Charge" },
    (ctx, { params }) =>
      ctx.store
        .list("charge")
        .toReversed()
        .filter(
          (charge) =>
            isAsked(charge.customer, params.customer) &&
            isAsked(charge.payment_intent, params.payment_intent) &&
            inRange(charge.created, params.created),
        ),
  ),
  route("GET", "/v1/disputes/:id", { response: "Dispute" }, (ctx, { path }) =>
    ctx.store.getOrThrow("dispute", path["id"] ?? ""),
  ),
  route("POST", "/v1/disputes/:id/close", { response: "Dispute" }, (ctx, { path }) =>
    closeDispute(ctx, path["id"] ?? ""),
  ),
  listRoute<Stripe.DisputeListParams>(
    "/v1/disputes",
    { params: "DisputeListParams", response: "Dispute" },
    (ctx, { params }) =>
      ctx.store
        .list("dispute")
        .toReversed()
        .filter(
          (dispute) =>
            isAsked(dispute.charge, params.charge) &&
            isAsked(dispute.payment_intent, params.payment_intent) &&
            inRange(dispute.created, params.created),
        ),
  ),
  route<Stripe.RefundCreateParams>(
    "POST",
    "/v1/refunds",
    { params: "RefundCreateParams", response: "Refund" },
    (ctx, { params }) => createRefund(ctx, params),
  ),
  route("GET", "/v1/refunds/:id", { response: "Refund" }, (ctx, { path }) =>
    ctx.store.getOrThrow("refund", path["id"] ?? ""),
  ),
  listRoute<Stripe.RefundListParams>(
    "/v1/refunds",
    { params: "RefundListParams", response: "Refund" },
    (ctx, { params }) =>
      ctx.store
        .list("refund")
        .toReversed()
        .filter(
          (refund) =>
            isAsked(refund.charge, params.charge) &&
            isAsked(refund.payment_intent, params.payment_intent) &&
            inRange(refund.created, params.created),
        ),
  ),
];
