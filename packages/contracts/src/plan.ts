/** What happens past an included quantity. `unlimited` counts and never refuses or bills. */
export const overagePolicies = ["refuse", "bill", "unlimited"] as const;
export type OveragePolicy = (typeof overagePolicies)[number];

/** How a period's value is made from its events. `storage_bytes` is a `max`: the period's value is its peak. */
export const aggregations = ["sum", "count", "max", "last", "unique"] as const;
export type Aggregation = (typeof aggregations)[number];

/** How a metric is told to Stripe's meter: what was added (`sum`), or the period's total so far (`last`). */
export const reportModes = ["sum", "last"] as const;
export type ReportMode = (typeof reportModes)[number];

/** What becomes of a billed metric's events that come after their period's end (docs/decisions/0019). */
export const latePolicies = [
  "bill-in-period-if-draft",
  "carry-as-adjustment",
  "reject",
  "operator-review",
] as const;
export type LatePolicy = (typeof latePolicies)[number];

/** Stripe's subscription statuses (STRIPE.md 1.2); `none` is an account that never paid. */
export const subscriptionStatuses = [
  "incomplete",
  "incomplete_expired",
  "trialing",
  "active",
  "past_due",
  "canceled",
  "unpaid",
  "paused",
] as const;
export type SubscriptionStatus = (typeof subscriptionStatuses)[number];

/**
 * The account's payment state over all of its open invoices; `past_due` until all of them are settled (FIELD H21).
 * `disputed`: all is paid, but its bank takes money back, or asks for it.
 */
export const paymentStates = ["ok", "action_required", "past_due", "unpaid", "disputed"] as const;
export type PaymentState = (typeof paymentStates)[number];

/** What the product should let the account do: `full`, `read_only` or `none`; the table is in the configuration. */
export const accessLevels = ["full", "read_only", "none"] as const;
export type Access = (typeof accessLevels)[number];
