import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";
import { type Decimal, decimalOf } from "./decimal.ts";
import type { Period } from "./period.ts";

export type Meter = ObjectOf<"billing.meter">;
export type MeterEvent = ObjectOf<"billing.meter_event">;

const WINDOW_SECONDS: Record<string, number> = { hour: 3_600, day: 86_400 };

/** The customer's usage on a meter over `[start, end)` by the events' own timestamps, by the meter's formula. */
export function usageTotal(ctx: SimContext, meterId: string, customerId: string, period: Period): Decimal {
  return aggregate(
    ctx.store.getOrThrow("billing.meter", meterId),
    meterEvents(ctx, meterId, customerId, period),
  );
}

/** The events that count, in the order of receipt. */
export function meterEvents(
  ctx: SimContext,
  meterId: string,
  customerId: string,
  period: Period,
): MeterEvent[] {
  return ctx.store
    .list("billing.meter_event")
    .filter(
      (event) =>
        event._meterId === meterId &&
        event._customerId === customerId &&
        !event._isCanceled &&
        event.timestamp >= period.start &&
        event.timestamp < period.end,
    );
}

/** Applies the formula. With an `event_time_window` the newest event of each UTC window stands for the window. */
export function aggregate(meter: Meter, events: MeterEvent[]): Decimal {
  const counted = newestOfEachWindow(meter, events);
  const formula = meter.default_aggregation.formula;
  if (formula === "count") return decimalOf(counted.length);
  if (formula === "last") return decimalOf(newest(counted)?._value ?? 0);
  return counted.reduce((total, event) => total + decimalOf(event._value), 0n);
}

function newestOfEachWindow(meter: Meter, events: MeterEvent[]): MeterEvent[] {
  const length = WINDOW_SECONDS[meter.event_time_window ?? ""];
  if (length === undefined) return events;
  const windows = Map.groupBy(events, (event) => Math.floor(event.timestamp / length));
  return [...windows.values()].flatMap((inWindow) => newest(inWindow) ?? []);
}

const newest = (events: MeterEvent[]): MeterEvent | undefined =>
  events.reduce<MeterEvent | undefined>(
    (latest, event) => (latest === undefined || event.timestamp >= latest.timestamp ? event : latest),
    undefined,
  );
