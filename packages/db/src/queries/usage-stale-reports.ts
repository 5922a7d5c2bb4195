import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

/** Reports of one customer's meter that were first sent too long ago to be sent again without a comparison. */
export interface StaleReportsRow {
  stripeCustomerId: string;
  stripeMeterId: string;
  /** In the order they were sent in. */
  reports: { identifier: string; quantity: number }[];
  /** Of the same customer and meter: what was confirmed so far, and how many others are still on their way. */
  sentQuantity: number;
  openCount: number;
  /** The span of all of its reports. */
  firstEventAt: Date;
  lastEventAt: Date;
}

/** Stale reports by customer and meter; `firstSentBefore` is 23 hours ago. */
export const listStaleReports = (
  q: Queryable,
  { firstSentBefore, limit }: { firstSentBefore: Date; limit: number },
): Promise<StaleReportsRow[]> =>
  q.rows(
    "usageStaleReports.list",
    sql`select r.stripe_customer_id as "stripeCustomerId", m.stripe_meter_id as "stripeMeterId",
      jsonb_agg(jsonb_build_object('identifier', r.identifier, 'quantity', r.to_quantity - r.from_quantity)
        order by r.period_start, r.window_no) filter (where r.is_stale) as reports,
      coalesce(sum(r.to_quantity - r.from_quantity) filter (where r.state in ('sent', 'confirmed')), 0)::bigint as "sentQuantity",
      count(*) filter (where r.state in ('pending', 'sending') and r.first_sent_at is not null and not r.is_stale) as "openCount",
      min(r.event_at) as "firstEventAt", max(r.event_at) as "lastEventAt"
    from (select *, state in ('pending', 'sending') and coalesce(first_sent_at <= ${firstSentBefore}::timestamptz, false)
        as is_stale from usage_reports where stripe_customer_id in (select stripe_customer_id from usage_reports
          where state in ('pending', 'sending') and first_sent_at <= ${firstSentBefore}::timestamptz limit ${limit}::int)) r
    join metrics m on m.metric = r.metric
    where m.stripe_meter_id is not null
    group by r.stripe_customer_id, m.stripe_meter_id
    having bool_or(r.is_stale)`,
  );

/** The comparison has shown that Stripe has these. */
export const updateStaleSent = (
  q: Queryable,
  stale: { identifiers: readonly string[]; firstSentBefore: Date; now: Date },
): Promise<number> =>
  q.run(
    "usageStaleReports.updateSent",
    sql`update usage_reports set state = 'sent', sent_at = ${stale.now}::timestamptz, last_error = null
    where identifier = any(${stale.identifiers}::text[]) and state in ('pending', 'sending')
      and first_sent_at <= ${stale.firstSentBefore}::timestamptz`,
  );

/** The comparison has shown that Stripe has not: they are sent as if for the first time. */
export const updateStaleUnsent = (
  q: Queryable,
  stale: { identifiers: readonly string[]; firstSentBefore: Date },
): Promise<number> =>
  q.run(
    "usageStaleReports.updateUnsent",
    sql`update usage_reports set state = 'pending', first_sent_at = null, next_attempt_at = '-infinity'
    where identifier = any(${stale.identifiers}::text[]) and state in ('pending', 'sending')
      and first_sent_at <= ${stale.firstSentBefore}::timestamptz`,
  );
