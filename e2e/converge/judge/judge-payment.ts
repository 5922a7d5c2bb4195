import type { Stripe } from "@driftlock/stripe";
import { intentOf } from "./judge-mirror.ts";
import type { Told } from "./judge-plan.ts";
import type { Rows } from "./read-rows.ts";
import type { StripeFacts } from "./read-stripe.ts";

type State = "unpaid" | "action_required" | "past_due" | "disputed";

const granting = ["active", "trialing", "past_due"];
const decided = ["won", "warning_closed", "prevented"];
const worstFirst: readonly State[] = ["unpaid", "action_required", "past_due", "disputed"];

/**
 * The payment state that Stripe's objects come to, and what it allows: past due until each open invoice whose payment
 * failed is settled, disputed until the bank has decided for us. That dunning gave an invoice up is our own doing, and
 * the one thing that is taken from our rows.
 */
export function judgePayment({ cases }: Rows, told: Told, facts: StripeFacts): string[] {
  const givenUp = new Map(
    cases
      .filter(({ state }) => state === "gave_up")
      .map((row) => [row["invoice_id"] as string, row["final_step"] as string]),
  );
  const has = (status: string) => facts.subscriptions.some((each) => each.status === status);
  const states = facts.invoices.map((invoice) => stateOf(invoice, givenUp.get(invoice.id), facts));
  if (has("unpaid")) states.push("unpaid");
  if (has("past_due")) states.push("past_due");
  if (facts.disputes.some((dispute) => isCounted(dispute, facts))) states.push("disputed");
  const worst = worstFirst.find((state) => states.includes(state)) ?? "ok";
  const access = states.includes("unpaid") ? "read_only" : "full";
  return [
    ...(told.paymentState === worst
      ? []
      : [`the payment state is ${told.paymentState}, Stripe's objects come to ${worst}`]),
    ...(told.access === access ? [] : [`the access is ${told.access}, ${worst} allows ${access}`]),
  ];
}

function stateOf(
  invoice: Stripe.Invoice,
  finalStep: string | undefined,
  facts: StripeFacts,
): State | undefined {
  if (invoice.amount_remaining <= 0) return undefined;
  const subscription = subscriptionOf(invoice, facts);
  const isLeftBehind = (subscription?.ended_at ?? 0) > invoice.created;
  if (invoice.status === "uncollectible")
    return finalStep === "pause" && !isLeftBehind ? "unpaid" : undefined;
  if (invoice.status !== "open") return undefined;
  const isGivenUp = finalStep !== undefined;
  if (isLeftBehind) {
    const hasPlan = facts.subscriptions.some(({ status }) => granting.includes(status));
    return isGivenUp && !hasPlan ? "unpaid" : undefined;
  }
  if (isGivenUp) return "unpaid";
  const intent = intentOf(invoice, facts.intents);
  const failure = intent?.status === "succeeded" ? null : intent?.last_payment_error;
  const code = failure?.decline_code ?? failure?.code;
  if (intent?.status === "requires_action" || code === "authentication_required") return "action_required";
  return code === undefined ? undefined : "past_due";
}

/** One about a subscription that has ended takes nothing from the account any more. */
function isCounted({ payment_intent, status }: Stripe.Dispute, facts: StripeFacts): boolean {
  if (decided.includes(status)) return false;
  const of = (field: string | { id: string } | null | undefined) =>
    typeof field === "string" ? field : field?.id;
  const invoice = facts.invoices.find(({ payments }) =>
    payments?.data.some(({ payment }) => of(payment.payment_intent) === of(payment_intent)),
  );
  return invoice === undefined || (subscriptionOf(invoice, facts)?.ended_at ?? null) === null;
}

function subscriptionOf({ parent }: Stripe.Invoice, { subscriptions }: StripeFacts) {
  const named = parent?.subscription_details?.subscription;
  const id = typeof named === "string" ? named : named?.id;
  return subscriptions.find((each) => each.id === id);
}
