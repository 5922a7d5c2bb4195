import type { PaymentState, SubscriptionStatus } from "@driftlock/contracts";
import { declineActionOf } from "./decline-codes.ts";
import { isGranting } from "./plan-selection.ts";

export interface OwedInvoice {
  status: "draft" | "open" | "paid" | "uncollectible" | "void";
  amountRemainingMinor: number;
  isActionRequired: boolean;
  /** Why the last try failed; null where none has. */
  declineCode: string | null;
  /** Dunning tried all it could. */
  isGivenUp: boolean;
  /** It was drawn before its subscription ended. */
  isLeftBehind: boolean;
}

export interface OwingAccount {
  invoices: readonly OwedInvoice[];
  subscriptions: readonly { status: SubscriptionStatus }[];
  /** Whether its bank took money back, or asks for it, of a subscription that lives. */
  isDisputed: boolean;
}

/** From the worst on; the state that is told is the first that holds. */
const worstFirst = ["unpaid", "action_required", "past_due", "disputed"] as const;

/**
 * Every payment state that holds for an account over all of its invoices, subscriptions and disputes, the worst first; it
 * is `ok` again only once each is settled (FIELD H21). An open invoice that nobody has tried yet owes nothing so far.
 */
export function paymentStates(account: OwingAccount): readonly [PaymentState, ...PaymentState[]] {
  const { subscriptions } = account;
  const has = (status: SubscriptionStatus) => subscriptions.some((each) => each.status === status);
  const hasPlan = subscriptions.some(({ status }) => isGranting(status));
  const owed = account.invoices.map((invoice) => stateOfInvoice(invoice, hasPlan));
  const holds: Readonly<Record<(typeof worstFirst)[number], boolean>> = {
    unpaid: has("unpaid") || owed.includes("unpaid"),
    action_required: owed.includes("action_required"),
    past_due: has("past_due") || owed.includes("past_due"),
    disputed: account.isDisputed,
  };
  const [first, ...others] = worstFirst.filter((state) => holds[state]);
  return first === undefined ? ["ok"] : [first, ...others];
}

/** What one invoice makes of its account; `hasPlan`: some subscription of it grants a plan. */
export function stateOfInvoice(invoice: OwedInvoice, hasPlan: boolean): PaymentState {
  const { status, isGivenUp, isLeftBehind, declineCode } = invoice;
  if (invoice.amountRemainingMinor <= 0) return "ok";
  // Written off, it is owed only while it keeps a subscription paused.
  if (status === "uncollectible") return isGivenUp && !isLeftBehind ? "unpaid" : "ok";
  if (status !== "open") return "ok";
  // Whoever cancelled is not asked any more, and whoever bought again begins anew.
  if (isLeftBehind) return isGivenUp && !hasPlan ? "unpaid" : "ok";
  if (isGivenUp) return "unpaid";
  if (waitsForCustomer(invoice)) return "action_required";
  return declineCode === null ? "ok" : "past_due";
}

/** Whether the bank wants to see the customer before an open invoice can be paid, or was not convinced so far. */
export const waitsForCustomer = ({
  isActionRequired,
  declineCode,
}: Pick<OwedInvoice, "isActionRequired" | "declineCode">): boolean =>
  isActionRequired || declineActionOf(declineCode) === "authenticate";
