import type { Subscription } from "../api/router-outputs.ts";

export type Tone = "good" | "warning" | "danger" | "neutral";

export interface Standing {
  label: string;
  tone: Tone;
}

/** The one word for where a subscription stands. Money comes first: what is owed outweighs what is planned. */
export function standing(subscription: Subscription): Standing {
  switch (subscription.paymentState) {
    case "unpaid":
      return { label: "Unpaid", tone: "danger" };
    case "past_due":
      return { label: "Payment failed", tone: "danger" };
    case "action_required":
      return { label: "Confirmation needed", tone: "warning" };
    case "disputed":
      return { label: "Disputed", tone: "warning" };
    case "ok":
      return settledStanding(subscription);
  }
}

function settledStanding({ status, cancelAtPeriodEnd }: Subscription): Standing {
  switch (status) {
    case "active":
      return cancelAtPeriodEnd ? { label: "Ends soon", tone: "warning" } : { label: "Active", tone: "good" };
    case "trialing":
      return { label: "Trial", tone: "good" };
    case "incomplete":
      return { label: "Waiting for payment", tone: "warning" };
    case "past_due":
      return { label: "Payment failed", tone: "danger" };
    case "paused":
      return { label: "Paused", tone: "warning" };
    case "unpaid":
      return { label: "Unpaid", tone: "danger" };
    case "canceled":
    case "incomplete_expired":
      return { label: "Ended", tone: "neutral" };
  }
}

export interface PaymentWarning {
  title: string;
  /** What happens by itself, and what it leads to. */
  detail: string;
  tone: "warning" | "danger";
}

/** What an account that owes something is told, or null. */
export function paymentWarning(subscription: Subscription): PaymentWarning | null {
  switch (subscription.paymentState) {
    case "ok":
      return null;
    case "disputed":
      return {
        title: "A payment is disputed",
        detail:
          "Your bank has asked for a payment of yours back. Until that is decided, your access may be limited.",
        tone: "warning",
      };
    case "action_required":
      return {
        title: "Your bank asks you to confirm a payment",
        detail: "Open the invoice and confirm it there. Until then it counts as unpaid.",
        tone: "warning",
      };
    case "past_due":
      return {
        title: "Your last payment failed",
        detail:
          "You keep your plan for now. We try your card again over the next days; when the last try fails, the plan " +
          "ends or is paused. A new card is charged at once, and then all is well.",
        tone: "danger",
      };
    case "unpaid":
      return {
        title: "Your invoice was not paid",
        detail:
          subscription.access === "full"
            ? "We have stopped trying your card. Pay the invoice to settle it."
            : "We have stopped trying your card, and your access is limited. Pay the invoice to get it back.",
        tone: "danger",
      };
  }
}
