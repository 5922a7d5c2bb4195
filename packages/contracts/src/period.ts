import { z } from "zod";

/** Half open `[start, end)`, instants in UTC. */
export interface Period {
  readonly start: Date;
  readonly end: Date;
}

/** The same as it leaves the API: RFC 3339 in UTC. */
export const PeriodDto = z.object({ start: z.iso.datetime(), end: z.iso.datetime() }).meta({ id: "Period" });
export type PeriodDto = z.infer<typeof PeriodDto>;

/** Renders a period for the API. */
export const toPeriodDto = (period: Period): PeriodDto => ({
  start: period.start.toISOString(),
  end: period.end.toISOString(),
});
