import type { Stripe } from "stripe";

/** A customer's usage of a meter over `[from, until)`, whole minutes: the unit of Stripe's summaries. */
export interface MeterSpan {
  stripeMeterId: string;
  stripeCustomerId: string;
  from: Date;
  until: Date;
}

/**
 * What Stripe has summed up, in the meter's unit; not grouped by time, so that it is one figure whatever the meter's
 * formula is. Stripe sums up with a delay. @throws what the SDK throws.
 */
export async function meterTotal(
  stripe: Stripe,
  { stripeMeterId, stripeCustomerId, from, until }: MeterSpan,
): Promise<number> {
  const { data } = await stripe.billing.meters.listEventSummaries(stripeMeterId, {
    customer: stripeCustomerId,
    start_time: from.getTime() / 1_000,
    end_time: until.getTime() / 1_000,
  });
  return data.reduce((total, { aggregated_value }) => total + aggregated_value, 0);
}
