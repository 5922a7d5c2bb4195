import type { Problem } from "./problem.ts";

export interface ProblemWords {
  title: string;
  /** What to do next. */
  advice: string;
  /** A page that helps. */
  link?: { to: string; label: string };
}

const payment = { to: "/app/payment", label: "Use another card" };

/** The words for a problem: what it means to a customer, and the next step. */
export function problemWords(problem: Problem): ProblemWords {
  switch (problem.code) {
    case "UNREACHABLE":
      return {
        title: "The server does not answer",
        advice: "Nothing was changed that you did not see confirmed. Check your connection, then try again.",
      };
    case "UNAVAILABLE":
      return { title: "The service is not ready", advice: "Try again in a moment." };
    case "STRIPE_UNAVAILABLE":
      return {
        title: "The payment provider does not answer",
        advice: "Try again in a moment; you are never charged twice for it.",
      };
    case "RATE_LIMITED":
      return {
        title: "Too many requests",
        advice: `Wait ${problem.retryAfterSeconds ?? 2} seconds, then try again.`,
      };
    case "UNAUTHENTICATED":
    case "TOKEN_EXPIRED":
    case "KEY_REVOKED":
      return { title: "You are signed out", advice: "Sign in again to go on." };
    case "SCOPE_MISSING":
      return { title: "You may not do this", advice: "Ask who manages your account's billing." };
    case "PAYMENT_FAILED":
      return {
        title: "The payment was declined",
        advice: `${problem.detail} Nothing has changed.`,
        link: payment,
      };
    case "CARD_EXPIRED":
      return {
        title: "The card has expired",
        advice: "Put a new card on file, then try again.",
        link: payment,
      };
    case "PAYMENT_ACTION_REQUIRED":
      return {
        title: "Your bank asks you to confirm the payment",
        advice: "Open the newest invoice and confirm it there: “Confirm payment”.",
        link: { to: "/app/invoices", label: "See invoices" },
      };
    case "QUOTA_EXCEEDED":
      return {
        title: "The quota is spent",
        advice: problem.detail,
        link: { to: "/app/plans", label: "See larger plans" },
      };
    case "ALREADY_SUBSCRIBED":
      return {
        title: "You have a plan already",
        advice: "Change it instead of buying a second one.",
        link: { to: "/app/plans", label: "Change the plan" },
      };
    case "INVOICE_NOT_FOUND":
      return {
        title: "There is no such invoice",
        advice: "It may belong to another account.",
        link: { to: "/app/invoices", label: "See all invoices" },
      };
    case "INVOICE_SETTLED":
      return { title: "This invoice asks for no payment any more", advice: problem.detail };
    case "USAGE_NOT_KEPT":
      return { title: "These events are no longer kept", advice: problem.detail };
    case "INTERNAL":
      return {
        title: "Something went wrong on our side",
        advice: `Try again. If it stays, tell us this number: ${problem.requestId ?? "unknown"}.`,
      };
    default:
      return { title: "That did not work", advice: problem.detail };
  }
}
