import { catalog, type Db } from "@driftlock/db";
import type { Stripe } from "@driftlock/stripe";
import { CatalogConflict, type CatalogStep, differences } from "./catalog-step.ts";

/** Where the ids of meters are put as they become known, by metric. */
export type MeterIds = Map<string, string>;

/** A meter for each metric that is billed; its event name never changes, and neither does how it sums up. */
export async function planMeters(
  { db, stripe }: { db: Db; stripe: Stripe },
  metrics: readonly catalog.MetricRow[],
  meterIds: MeterIds,
): Promise<CatalogStep[]> {
  const found: Stripe.Billing.Meter[] = [];
  for await (const meter of stripe.billing.meters.list({ limit: 100 })) found.push(meter);
  return metrics.map((row): CatalogStep => {
    const { metric } = row;
    const eventName = `driftlock_${metric}`;
    const named = found.filter((meter) => meter.event_name === eventName);
    const meter = named.find(({ status }) => status === "active") ?? named[0];
    const keep = async (stripeMeterId: string): Promise<void> => {
      meterIds.set(metric, stripeMeterId);
      await catalog.updateMetricMeter(db, { metric, stripeMeterId, stripeMeterEventName: eventName });
    };
    const step = { kind: "meter", key: eventName } as const;
    if (meter === undefined)
      return {
        ...step,
        action: "create",
        detail: [`sums up ${metric}`],
        apply: async () => keep((await createMeter(stripe, row, eventName)).id),
      };
    assertSame(meter, row);
    meterIds.set(metric, meter.id);
    const detail = differences({
      status: [meter.status, "active"],
      name: [meter.display_name, eventName],
      "in Postgres": [row.stripeMeterId, meter.id],
    });
    return {
      ...step,
      action: detail.length === 0 ? "unchanged" : "change",
      detail,
      apply: async () => {
        if (detail.length === 0) return;
        if (meter.status !== "active") await stripe.billing.meters.reactivate(meter.id);
        await stripe.billing.meters.update(meter.id, { display_name: eventName });
        await keep(meter.id);
      },
    };
  });
}

/** @throws CatalogConflict where a meter of our name counts otherwise: what it has summed up cannot be made right. */
function assertSame(meter: Stripe.Billing.Meter, { reportMode }: catalog.MetricRow): void {
  const detail = differences({
    formula: [meter.default_aggregation.formula, reportMode],
    customer: [meter.customer_mapping.event_payload_key, "stripe_customer_id"],
    value: [meter.value_settings.event_payload_key, "value"],
    "time window": [meter.event_time_window, null],
  });
  if (detail.length > 0)
    throw new CatalogConflict([
      `Stripe's meter ${meter.event_name} (${meter.id}) is not as ours: ${detail.join(", ")}`,
    ]);
}

const createMeter = (
  stripe: Stripe,
  { reportMode }: catalog.MetricRow,
  eventName: string,
): Promise<Stripe.Billing.Meter> =>
  stripe.billing.meters.create(
    {
      display_name: eventName,
      event_name: eventName,
      default_aggregation: { formula: reportMode },
      customer_mapping: { type: "by_id", event_payload_key: "stripe_customer_id" },
      value_settings: { event_payload_key: "value" },
    },
    { idempotencyKey: `meter.${eventName}.${reportMode}` },
  );
