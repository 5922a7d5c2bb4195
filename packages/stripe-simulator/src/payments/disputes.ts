import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";

type Dispute = ObjectOf<"dispute">;

const ANSWER_WITHIN_SECONDS = 7 * 86_400;

const NO_EVIDENCE: Dispute["evidence"] = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
};

/** Opens a dispute over a paid charge, as the card …0259 does, and emits `charge.dispute.created`. */
export function openDispute(ctx: SimContext, charge: ObjectOf<"charge">): Dispute {
  const dispute: Dispute = {
    id: ctx.newId("du"),
    object: "dispute",
    amount: charge.amount,
    balance_transactions: [],
    charge: charge.id,
    created: ctx.now(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: NO_EVIDENCE,
    evidence_details: {
      due_by: ctx.now() + ANSWER_WITHIN_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: "manual",
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: "fraudulent",
    status: "needs_response",
  };
  ctx.store.put("dispute", dispute);
  ctx.store.update("charge", charge.id, { disputed: true });
  ctx.emit("charge.dispute.created", dispute);
  return dispute;
}

/** Gives a dispute up: it is lost, and `charge.dispute.closed` says so. */
export const closeDispute = (ctx: SimContext, id: string): Dispute => decideDispute(ctx, id, "lost");

/** What the bank decides; `charge.dispute.closed` tells it. */
export function decideDispute(ctx: SimContext, id: string, status: "won" | "lost"): Dispute {
  const dispute = ctx.store.getOrThrow("dispute", id);
  if (dispute.status !== "needs_response") throw invalidRequest("This dispute is already closed.");
  const closed = ctx.store.update("dispute", id, { status });
  ctx.emit("charge.dispute.closed", closed);
  return closed;
}
