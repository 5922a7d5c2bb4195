import type { Subscription } from "../api/router-outputs.ts";
import { formatInstant } from "../format/instant.ts";
import { declineWords } from "./decline-words.ts";

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
export function paymentWarning(subscription: Subscription, locale?: string): PaymentWarning | null {
  switch (subscription.paymentState) {
    case "ok":
      return null;
    case "disputed":
      return {
        title: "A payment is disputed",
        detail:
          "Your bank has asked for a payment of yours back. If that was a mistake, tell your bank so, and tell us. Until " +
          "it is decided, your access may be limited.",
        tone: "warning",
      };
    case "action_required":
      return {
        title: "Your bank asks you to confirm a payment",
        detail: "Only you can do that. Until then the invoice counts as unpaid.",
        tone: "warning",
      };
    case "past_due":
      return {
        title: "Your last payment failed",
        detail: `${declineSentence(subscription)}You keep your plan for now. ${retrySentence(subscription, locale)} A new card is charged at once, and then all is well.`,
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

const declineSentence = ({ dueInvoice }: Subscription): string =>
  dueInvoice === null ? "" : `${declineWords(dueInvoice.declineCode)} `;

function retrySentence({ dueInvoice }: Subscription, locale?: string): string {
  const nextAttemptAt = dueInvoice?.nextAttemptAt ?? null;
  const end = "the plan ends or is paused.";
  if (nextAttemptAt === null) return `We cannot try this card again: unless you act, ${end}`;
  const day = formatInstant(nextAttemptAt, { ...(locale !== undefined && { locale }) });
  return `We try your card again on ${day}; when the last try fails, ${end}`;
}

/** What the owner of a card that ends soon, or has ended, is told; null where it is good for long. */
export function cardWarning({ expiringCard }: Subscription): PaymentWarning | null {
  if (expiringCard === null) return null;
  const { brand, last4, expMonth, expYear, hasExpired } = expiringCard;
  const card = `${brand === null ? "card" : `${brand.charAt(0).toUpperCase()}${brand.slice(1)} card`} ending in ${last4 ?? "…"}`;
  const end = `the end of ${String(expMonth).padStart(2, "0")}/${expYear}`;
  return {
    title: hasExpired ? "Your card has expired" : "Your card expires soon",
    detail: hasExpired
      ? `Your ${card} was good until ${end}. Put another one on file before the next payment is due.`
      : `Your ${card} is good until ${end}. Put another one on file before then, and no payment fails.`,
    tone: "warning",
  };
}
