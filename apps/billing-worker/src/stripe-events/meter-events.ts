import { AppError, type StripeHint } from "@driftlock/contracts";
import { type Db, stripeEvents, usageQuarantine, usageReportFailures, usageReports } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { JobContext } from "@driftlock/runtime/queue";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";

const minuteMs = 60_000;
/** Our instants of sending and Stripe's of looking differ by calls and clocks. */
const windowMarginMs = minuteMs;
/** Stripe sums up with a delay. */
const compareAfterMs = 5 * minuteMs;

/** What Stripe could not count of what we reported; in `eventId` the identifier of the report. */
type RefusedReport = usageQuarantine.QuarantinedEvent;

interface RefusedReports {
  refused: RefusedReport[];
  /** When Stripe looked at what it could not count. */
  validated: { from: Date; until: Date };
}

/**
 * A thin event of a meter: what it names has failed and is set aside. It names samples only, so everything that was sent
 * in the time it is about has to be found in the summaries again.
 */
export async function setAsideRefusedReports(
  deps: { db: Db; stripe: Stripe; wallClock: Clock },
  hint: StripeHint,
  log: JobContext["log"],
): Promise<void> {
  const { db } = deps;
  if ((await stripeEvents.findStripeEvent(db, hint.eventId)) !== null) return;
  const { refused, validated } = await fetchRefusedReports(deps, hint);
  const now = deps.wallClock.now();
  const compareAt = new Date(now.getTime() + compareAfterMs);
  const named = refused.flatMap(({ eventId: identifier, reason, detail }) =>
    identifier === null ? [] : [{ identifier, error: `${reason.replace("stripe:", "")}: ${detail}` }],
  );
  const suspect = { ...validated, stripeMeterId: hint.objectId, compareAt };
  const suspectCount = await db.transaction(async (tx) => {
    if (!(await stripeEvents.insertStripeEvent(tx, { ...hint, outcome: "applied", reason: null, now })))
      return 0;
    await usageQuarantine.insertQuarantined(tx, refused, now);
    await usageReportFailures.updateNamedFailed(tx, named);
    return usageReportFailures.updateSuspect(tx, suspect);
  });
  const { eventId, type, objectId: meterId } = hint;
  log.error({ page: true, eventId, type, meterId, suspectCount, named }, "usage-report.refused");
}

/**
 * The refused reports that a thin meter event tells of, one for each sample that Stripe gives, or one for the whole
 * event where it gives none: samples are all that it gives, not every failing event.
 */
async function fetchRefusedReports(
  { db, stripe }: { db: Db; stripe: Stripe },
  { eventId, type }: StripeHint,
): Promise<RefusedReports> {
  const event = await fetchEvent(stripe, eventId);
  if (
    event?.type !== "v1.billing.meter.error_report_triggered" &&
    event?.type !== "v1.billing.meter.no_meter_found"
  ) {
    throw new AppError("INVALID", `The event ${eventId} is not the ${type} that was announced.`);
  }
  const { reason, developer_message_summary: detail, validation_start, validation_end } = event.data;
  const validated = {
    from: new Date(new Date(validation_start).getTime() - windowMarginMs),
    until: new Date(new Date(validation_end).getTime() + windowMarginMs),
  };
  const samples = reason.error_types.flatMap(({ code, sample_errors }) =>
    sample_errors.map((sample) => ({ code, sample })),
  );
  const whole = { accountId: null, eventId: null, metric: null, payload: event.data, receivedAt: null };
  if (samples.length === 0) return { validated, refused: [{ ...whole, reason: `stripe:${type}`, detail }] };
  const refused = await Promise.all(
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
  return { refused, validated };
}

async function fetchEvent(stripe: Stripe, eventId: string): Promise<Stripe.V2.Core.Event | null> {
  try {
    return await stripe.v2.core.events.retrieve(eventId);
  } catch (error) {
    if (isResourceMissing(error)) return null;
    return stripeCall(() => Promise.reject(error));
  }
}
