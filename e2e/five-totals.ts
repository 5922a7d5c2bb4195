import type { Driver } from "@driftlock/devkit";
import { createDb, sql } from "@driftlock/db";

/**
 * The five totals that must agree for a closed period (DESIGN 4.11), in the metric's unit: accepted and stored from the
 * records, counted from the totals, reported from Stripe's own summaries, invoiced from the invoices' metered lines. What
 * came after the close is in none of Stripe's summaries: reported and invoiced are with what was adjusted, the one as it
 * was sent, the other from the lines that bill it (what costs nothing has none).
 */
export async function fiveTotals(
  driver: Driver,
  accountId: string,
  metric: string,
  period: { start: string; end: string },
) {
  const db = createDb({
    connectionString: driver.dev.databaseUrl,
    applicationName: "driftlock-e2e",
    connectionsMax: 1,
  });
  try {
    const stored = await db.row<{ quantity: number; events: number }>(
      "e2e.stored",
      sql`select coalesce(sum(quantity), 0)::bigint as quantity, count(*) as events from usage_records
      where account_id = ${accountId}::text and metric = ${metric}::text
        and occurred_at >= ${period.start}::timestamptz and occurred_at < ${period.end}::timestamptz`,
    );
    const counted = await db.row<{ quantity: number }>(
      "e2e.counted",
      sql`select quantity from usage_totals where account_id = ${accountId}::text and metric = ${metric}::text
        and period_start = ${period.start}::timestamptz`,
    );
    const customer = await driver.customerOf(accountId);
    const [meter] = (await driver.stripe.billing.meters.list({ limit: 100 })).data.filter((each) =>
      each.event_name.endsWith(metric),
    );
    const summaries = await driver.stripe.billing.meters.listEventSummaries(meter?.id ?? "", {
      customer,
      start_time: Math.floor(Date.parse(period.start) / 60_000) * 60,
      end_time: Math.ceil(Date.parse(period.end) / 60_000) * 60,
    });
    const invoiced = await db.row<{ quantity: number }>(
      "e2e.invoiced",
      sql`select coalesce(sum((line ->> 'quantity')::bigint), 0)::bigint as quantity
      from invoices cross join jsonb_array_elements(lines) as line
      where account_id = ${accountId}::text and line ->> 'metric' = ${metric}::text
        and (line ->> 'periodStart')::timestamptz = ${period.start}::timestamptz`,
    );
    const adjusted = await db.row<{ quantity: number }>(
      "e2e.adjusted",
      sql`select coalesce(sum(to_quantity - from_quantity), 0)::bigint as quantity from usage_adjustments
      where account_id = ${accountId}::text and metric = ${metric}::text
        and period_start = ${period.start}::timestamptz and state in ('settled', 'sent', 'invoiced')`,
    );
    const lines = await db.row<{ quantity: number }>(
      "e2e.adjustedLines",
      sql`select coalesce(sum(to_quantity - from_quantity), 0)::bigint as quantity from usage_adjustments a
      where account_id = ${accountId}::text and metric = ${metric}::text
        and period_start = ${period.start}::timestamptz and (state = 'settled' or exists (
          select from invoices i cross join jsonb_array_elements(i.lines) line where i.account_id = a.account_id
            and line ->> 'adjustmentId' = a.adjustment_id and (line ->> 'amountMinor')::bigint = a.amount_minor))`,
    );
    return {
      accepted: stored?.events,
      stored: stored?.quantity,
      counted: counted?.quantity,
      reported: summaries.data.reduce(
        (sum, summary) => sum + summary.aggregated_value,
        adjusted?.quantity ?? 0,
      ),
      invoiced: (invoiced?.quantity ?? 0) + (lines?.quantity ?? 0),
    };
  } finally {
    await db.end();
  }
}
