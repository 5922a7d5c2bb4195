import { AppError, type EventTraceDto, toPeriodDto } from "@driftlock/contracts";
import { catalog, type Db, usageExplanations } from "@driftlock/db";
import { explainEvent, leftOf, segmentsOfLine } from "@driftlock/domain";
import { toExplainedAdjustment } from "./explained-adjustment.ts";
import { requireAccount } from "./require-account.ts";

const setAsideMax = 20;

/** From an event's id to where it went. */
export const createFindEvent =
  ({ db }: { db: Db }) =>
  /** @throws ACCOUNT_NOT_FOUND; EVENT_NOT_FOUND where nothing is known of the id (any more). */
  async (accountId: string, eventId: string): Promise<EventTraceDto> => {
    await requireAccount(db, accountId);
    const [stored, setAside] = await Promise.all([
      usageExplanations.findRecord(db, accountId, eventId),
      usageExplanations.listSetAside(db, accountId, eventId, setAsideMax),
    ]);
    if (stored === null && setAside.length === 0) {
      throw new AppError(
        "EVENT_NOT_FOUND",
        "No event with this id is stored: it was never accepted, is still on its way (a second), or was removed after the retention of records.",
      );
    }
    return {
      accountId,
      id: eventId,
      record: stored && (await traceRecord(db, accountId, stored)),
      setAside: setAside.map((row) => ({
        metric: row.metric,
        reason: row.reason,
        detail: row.detail,
        receivedAt: row.receivedAt?.toISOString() ?? null,
        setAsideAt: row.quarantinedAt.toISOString(),
        replayedAt: row.replayedAt?.toISOString() ?? null,
      })),
    };
  };

async function traceRecord(
  db: Db,
  accountId: string,
  { metric, quantity, occurredAt, receivedAt }: usageExplanations.StoredEventRow,
): Promise<EventTraceDto["record"]> {
  const [segment, plans] = await Promise.all([
    usageExplanations.findSegmentAt(db, { accountId, metric, at: occurredAt }),
    catalog.listPlans(db),
  ]);
  if (segment === null)
    throw new AppError("INTERNAL", `No period of ${accountId} holds ${occurredAt.toISOString()}.`);
  const { planId, planVersion, periodStart, periodEnd } = segment;
  const limit = plans
    .find((plan) => plan.planId === planId && plan.version === planVersion)
    ?.limits.find((each) => each.metric === metric);
  const of = { accountId, metric, from: periodStart, until: periodEnd };
  const lines = limit?.overagePolicy === "bill" ? await usageExplanations.listMeteredLines(db, of) : [];
  const ofPeriod = lines.filter(
    ({ stripeSubscriptionId, periodStart: start, periodEnd: end }) =>
      segmentsOfLine([segment], { stripeSubscriptionId, start, end }).length > 0,
  );
  const line = ofPeriod.at(-1);
  const isLate = segment.closedAt !== null && receivedAt > segment.closedAt;
  const adjustments = isLate
    ? await usageExplanations.listAdjustments(db, { accountId, metric, periodStarts: [periodStart] })
    : [];
  // The first window of the total that was written when the event was in it.
  const adjustment = adjustments.find(({ createdAt }) => createdAt >= receivedAt);
  return {
    metric,
    quantity,
    timestamp: occurredAt.toISOString(),
    receivedAt: receivedAt.toISOString(),
    period: toPeriodDto({ start: periodStart, end: periodEnd }),
    planId,
    billing: explainEvent({
      planId,
      policy: limit?.overagePolicy ?? null,
      includedQuantity: leftOf(limit?.includedQuantity ?? null, segment.carriedQuantity),
      totalQuantity: segment.totalQuantity,
      isTrial: await usageExplanations.isTrialPeriod(db, segment),
      isLate,
      invoiceStatus: line?.invoiceStatus ?? null,
    }),
    invoiceId: line?.invoiceId ?? null,
    lineIds: ofPeriod.flatMap((each) => (each.invoiceId === line?.invoiceId ? [each.lineId] : [])),
    adjustment: adjustment === undefined ? null : toExplainedAdjustment(adjustment),
  };
}
