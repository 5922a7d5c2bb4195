import { type Db, sql, usageReports } from "@driftlock/db";
import type { Place } from "./place.ts";

/** Stores an event as the aggregator does: its record, and its total in the period that holds it. */
export const storeUsage = (
  db: Db,
  event: { accountId: string; eventId: string; quantity: number; at: Date },
): Promise<number> =>
  db.run(
    "converge.storeUsage",
    sql`with stored as (insert into usage_records (account_id, event_id, metric, quantity, occurred_at, received_at, generation)
      values (${event.accountId}::text, ${event.eventId}::text, 'events', ${event.quantity}::bigint, ${event.at}::timestamptz,
        ${event.at}::timestamptz, 1)
      returning quantity)
    insert into usage_totals as t (account_id, metric, period_start, quantity, event_count, last_occurred_at)
    select ${event.accountId}::text, 'events', p.period_start, stored.quantity, 1, ${event.at}::timestamptz
    from stored, usage_periods p where p.account_id = ${event.accountId}::text
      and p.period_start <= ${event.at}::timestamptz and p.period_end > ${event.at}::timestamptz
    on conflict (account_id, metric, period_start) do update set quantity = t.quantity + excluded.quantity,
      event_count = t.event_count + 1, last_occurred_at = greatest(t.last_occurred_at, excluded.last_occurred_at)`,
  );

/** Sends frozen windows to Stripe, as the aggregator does. @returns how many. */
export async function sendReports({ db, stripe, time }: Place): Promise<number> {
  const reports = await usageReports.claimReports(db, { now: time.clock.now(), leaseMs: 10_000, limit: 500 });
  for (const report of reports) {
    await stripe.billing.meterEvents.create({
      event_name: report.meterEventName,
      identifier: report.identifier,
      timestamp: report.eventAt.getTime() / 1000,
      payload: {
        stripe_customer_id: report.stripeCustomerId,
        value: String(report.toQuantity - report.fromQuantity),
      },
    });
    await usageReports.updateReportSent(db, report.identifier, time.clock.now());
  }
  return reports.length;
}
