import type { PlanId } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface UsagePeriodRow {
  accountId: string;
  periodStart: Date;
  periodEnd: Date;
  planId: PlanId;
  planVersion: number;
  stripeSubscriptionId: string | null;
  closedAt: Date | null;
}

/** The account's periods that end after `since`, oldest first. Limits for Redis and reads are made from these. */
export const listPeriods = (q: Queryable, accountId: string, since: Date): Promise<UsagePeriodRow[]> =>
  q.rows(
    "usagePeriods.list",
    sql`select account_id as "accountId", period_start as "periodStart", period_end as "periodEnd", plan_id as "planId",
      plan_version as "planVersion", stripe_subscription_id as "stripeSubscriptionId", closed_at as "closedAt"
    from usage_periods where account_id = ${accountId}::text and period_end > ${since}::timestamptz order by period_start`,
  );

/** The period that holds the instant `at`, or null outside of the account's time. */
export const findPeriodAt = (q: Queryable, accountId: string, at: Date): Promise<UsagePeriodRow | null> =>
  q.row(
    "usagePeriods.findAt",
    sql`select account_id as "accountId", period_start as "periodStart", period_end as "periodEnd", plan_id as "planId",
      plan_version as "planVersion", stripe_subscription_id as "stripeSubscriptionId", closed_at as "closedAt"
    from usage_periods where account_id = ${accountId}::text and period_start <= ${at}::timestamptz and period_end > ${at}::timestamptz`,
  );
