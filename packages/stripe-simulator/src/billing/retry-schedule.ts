const DAY_SECONDS = 86_400;

/** Stripe's own retries in this simulator, in days after the first failed try (a stand-in for Smart Retries). */
const RETRY_ON_DAYS = [3, 5, 7] as const;

/**
 * When Stripe tries again after its `attemptCount`-th automatic try failed at `failedAt` (unix seconds); null after the
 * last one.
 */
export function nextRetryAt(attemptCount: number, failedAt: number): number | null {
  const day = RETRY_ON_DAYS[attemptCount - 1];
  if (day === undefined) return null;
  return failedAt + (day - (RETRY_ON_DAYS[attemptCount - 2] ?? 0)) * DAY_SECONDS;
}

/** Declines that Stripe does not try again on the same payment method (docs: revenue recovery, hard declines). */
export const HARD_DECLINES: ReadonlySet<string> = new Set([
  "incorrect_number",
  "lost_card",
  "pickup_card",
  "stolen_card",
  "revocation_of_authorization",
  "revocation_of_all_authorizations",
  "authentication_required",
  "highest_risk_level",
  "transaction_not_allowed",
]);
