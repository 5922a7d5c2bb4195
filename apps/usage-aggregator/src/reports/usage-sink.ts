import { isDuplicateMeterEvent, type MeterSpan, meterTotal, type Stripe } from "@driftlock/stripe";

export interface MeterReport {
  identifier: string;
  meterEventName: string;
  stripeCustomerId: string;
  /** What is added, or the total so far: as the meter's formula has it. May be negative: it takes back. */
  value: number;
  eventAt: Date;
}

/** Where billed usage is reported to; live quotas never depend on it. */
export interface UsageSink {
  /** `already-there`: one with this identifier is in. Throws what the sink said. */
  report(report: MeterReport): Promise<"sent" | "already-there">;
  /** What the sink has of a customer's meter over `[from, until)`, whole minutes. */
  total(span: MeterSpan): Promise<number>;
}

/** How long one call may take; a call on a connection that broke is begun once more by the SDK. */
export const callMsMax = 4_000;
// No retries inside of the call: the outbox has its own, and a lease that must outlive the call.
const requestOptions = { timeout: callMsMax, maxNetworkRetries: 0 };

/**
 * Stripe's meters. The identifier is what tells repeats; an idempotency key of ours would also keep Stripe's failures,
 * and give them back to every later try.
 */
export function createStripeMeterSink(stripe: Stripe): UsageSink {
  return {
    report: async ({ identifier, meterEventName, stripeCustomerId, value, eventAt }) => {
      try {
        await stripe.billing.meterEvents.create(
          {
            event_name: meterEventName,
            identifier,
            timestamp: eventAt.getTime() / 1_000,
            payload: { stripe_customer_id: stripeCustomerId, value: String(value) },
          },
          requestOptions,
        );
        return "sent";
      } catch (error) {
        if (isDuplicateMeterEvent(error)) return "already-there";
        throw error;
      }
    },
    total: (span) => meterTotal(stripe, span),
  };
}
