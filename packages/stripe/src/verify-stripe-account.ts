import type { Stripe } from "stripe";
import { stripeCall } from "./errors.ts";

export interface StripeBinding {
  stripe: Stripe;
  secretKey: string;
  mode: "simulator" | "test" | "live";
  /** The account that the database is bound to; null before the first set-up. */
  boundTo: string | null;
}

/**
 * Whether this key belongs to the mode and to the Stripe account that the database is bound to; run at the start of
 * every process that uses both. @returns the account's id. @throws with a message for whoever set the process up.
 */
export async function verifyStripeAccount({
  stripe,
  secretKey,
  mode,
  boundTo,
}: StripeBinding): Promise<string> {
  const isLiveKey = /^(sk|rk)_live_/.test(secretKey);
  if (isLiveKey !== (mode === "live")) {
    throw new Error(
      `STRIPE_SECRET_KEY is a ${isLiveKey ? "live" : "test"} key, but DRIFTLOCK_MODE is "${mode}"`,
    );
  }
  const { id } = await stripeCall(() => stripe.accounts.retrieveCurrent());
  if (boundTo !== null && boundTo !== id) {
    throw new Error(
      `this database belongs to the Stripe account ${boundTo}, and STRIPE_SECRET_KEY to ${id}: give each account its own database`,
    );
  }
  return id;
}
