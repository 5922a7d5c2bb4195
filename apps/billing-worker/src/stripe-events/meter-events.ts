import { AppError, type StripeHint } from "@driftlock/contracts";
import { type Db, type usageQuarantine, usageReports } from "@driftlock/db";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";

/** What Stripe could not count of what we reported; in `eventId` the identifier of the report. */
type RefusedReport = usageQuarantine.QuarantinedEvent;

/**
 * The refused reports that a thin meter event tells of, one for each sample that Stripe gives, or one for the whole
 * event where it gives none: samples are all that it gives, not every failing event.
 */
export async function fetchRefusedReports(
  { db, stripe }: { db: Db; stripe: Stripe },
  { eventId, type }: StripeHint,
): Promise<RefusedReport[]> {
  const event = await fetchEvent(stripe, eventId);
  if (
    event?.type !== "v1.billing.meter.error_report_triggered" &&
    event?.type !== "v1.billing.meter.no_meter_found"
  ) {
    throw new AppError("INVALID", `The event ${eventId} is not the ${type} that was announced.`);
  }
  const { reason, developer_message_summary: detail } = event.data;
  const samples = reason.error_types.flatMap(({ code, sample_errors }) =>
    sample_errors.map((sample) => ({ code, sample })),
  );
  const whole = { accountId: null, eventId: null, metric: null, payload: event.data, receivedAt: null };
  if (samples.length === 0) return [{ ...whole, reason: `stripe:${type}`, detail }];
  return Promise.all(
    samples.map(async ({ code, sample }) => {
      const identifier = sample.request.identifier ?? null;
      const report = identifier === null ? null : await usageReports.findReport(db, identifier);
      return {
        ...whole,
        accountId: report?.accountId ?? null,
        metric: report?.metric ?? null,
        eventId: identifier,
        payload: { stripeEventId: eventId, code, ...sample },
        reason: `stripe:${code}`,
        detail: sample.error_message,
      };
    }),
  );
}

async function fetchEvent(stripe: Stripe, eventId: string): Promise<Stripe.V2.Core.Event | null> {
  try {
    return await stripe.v2.core.events.retrieve(eventId);
  } catch (error) {
    if (isResourceMissing(error)) return null;
    return stripeCall(() => Promise.reject(error));
  }
}
