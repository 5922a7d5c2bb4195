import type { Stripe } from "@driftlock/stripe";
import { isDuplicateMeterEvent } from "@driftlock/stripe";

export interface MeterReport {
  identifier: string;
  meterEventName: string;
  stripeCustomerId: string;
  /** May be negative: it takes back. */
  quantity: number;
  eventAt: Date;
}

/** Where billed usage is reported to; live quotas never depend on it. */
export interface UsageSink {
  /** `already-there`: one with this identifier is in. Throws what the sink said. */
  report(report: MeterReport): Promise<"sent" | "already-there">;
  /** What the sink has of a customer's meter for the minutes that hold `[first, last]`. */
  total(of: { meterId: string; customerId: string; first: Date; last: Date }): Promise<number>;
}

// No retries inside of the call: the outbox has its own, and a lease that must outlive the call.
const requestOptions = { timeout: 4_000, maxNetworkRetries: 0 };

/**
 * Stripe's meters. The identifier is what tells repeats; an idempotency key of ours would also keep Stripe's failures,
 * and give them back to every later try.
 */
export function createStripeMeterSink(stripe: Stripe): UsageSink {
  return {
    report: async ({ identifier, meterEventName, stripeCustomerId, quantity, eventAt }) => {
      try {
        await stripe.billing.meterEvents.create(
          {
            event_name: meterEventName,
            identifier,
            timestamp: eventAt.getTime() / 1_000,
            payload: { stripe_customer_id: stripeCustomerId, value: String(quantity) },
          },
          requestOptions,
        );
        return "sent";
      } catch (error) {
        if (isDuplicateMeterEvent(error)) return "already-there";
        throw error;
      }
    },
    total: async ({ meterId, customerId, first, last }) => {
      const range = { start_time: minuteOf(first), end_time: minuteOf(last) + 60 };
      let total = 0;
      for await (const summary of stripe.billing.meters.listEventSummaries(meterId, {
        customer: customerId,
        ...range,
      }))
        total += summary.aggregated_value;
      return total;
    },
  };
}

/** Summaries begin and end on whole minutes; unix seconds. */
const minuteOf = (at: Date): number => Math.floor(at.getTime() / 60_000) * 60;
