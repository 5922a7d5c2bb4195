/** The walks that come by everything. */
export const fullWalks = [
  "all-periods",
  "stripe-subscriptions",
  "stripe-customers",
  "stripe-catalog",
] as const;
