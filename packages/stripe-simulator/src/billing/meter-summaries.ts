import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { Stored } from "../stored.ts";
import { formatDecimal } from "./decimal.ts";
import { aggregate, type Meter, meterEvents } from "./meter-usage.ts";

export type MeterEventSummary = Stored<Stripe.Billing.MeterEventSummary>;

const WINDOW_SECONDS: Record<string, number> = { hour: 3_600, day: 86_400 };

/**
 * A customer's usage over `[start, end)` (unix seconds, whole minutes): one summary, or one for each hour or day that
 * has events, newest first. Throws Stripe's 400 where the instants are not aligned.
 */
export function eventSummaries(
  ctx: SimContext,
  meter: Meter,
  {
    customerId,
    start,
    end,
    window,
  }: { customerId: string; start: number; end: number; window: string | undefined },
): MeterEventSummary[] {
  const length = WINDOW_SECONDS[window ?? ""];
  for (const [param, at] of Object.entries({ start_time: start, end_time: end })) {
    if (at % (length ?? 60) !== 0) {
      throw invalidRequest(`${param} must be aligned with ${window ?? "minute"} boundaries.`, { param });
    }
  }
  if (end <= start) throw invalidRequest("end_time must be after start_time.", { param: "end_time" });
  const summary = (
    from: number,
    until: number,
    events: Parameters<typeof aggregate>[1],
  ): MeterEventSummary => ({
    id: `mtrusg_test_${customerId.slice(4, 12)}${meter.id.slice(-8)}${from}`,
    object: "billing.meter_event_summary",
    aggregated_value: Number(formatDecimal(aggregate(meter, events))),
    end_time: until,
    livemode: false,
    meter: meter.id,
    start_time: from,
  });
  const events = meterEvents(ctx, meter.id, customerId, { start, end });
  if (length === undefined) return [summary(start, end, events)];
  const windows = [...Map.groupBy(events, (event) => Math.floor(event.timestamp / length) * length)];
  return windows.sort(([a], [b]) => b - a).map(([from, inWindow]) => summary(from, from + length, inWindow));
}
