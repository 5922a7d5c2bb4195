interface Segment {
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly stripeSubscriptionId: string | null;
}

/**
 * The periods that a metered line bills: those of its subscription that begin within the line's own period. A line is
 * cut where the plan is (DESIGN 4.6), so that mostly it is one.
 */
export const segmentsOfLine = <T extends Segment>(
  segments: readonly T[],
  line: { stripeSubscriptionId: string | null; start: Date; end: Date },
): T[] =>
  segments.filter(
    ({ periodStart, stripeSubscriptionId }) =>
      periodStart >= line.start &&
      periodStart < line.end &&
      stripeSubscriptionId !== null &&
      (line.stripeSubscriptionId === null || stripeSubscriptionId === line.stripeSubscriptionId),
  );

/** The one of these periods that an instant lies in. */
export const segmentAt = <T extends Pick<Segment, "periodStart" | "periodEnd">>(
  segments: readonly T[],
  at: Date,
): T | undefined => segments.find(({ periodStart, periodEnd }) => periodStart <= at && at < periodEnd);
