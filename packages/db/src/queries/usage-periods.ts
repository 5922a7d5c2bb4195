import type { PlanId } from "@driftlock/contracts";
import { textArray } from "../array-text.ts";
import type { Queryable } from "../db.ts";
import { prepared, sql } from "../sql.ts";
import { carriedByMetricText, countedFromText } from "./carried-usage.ts";

export interface UsagePeriodRow {
  accountId: string;
  periodStart: Date;
  periodEnd: Date;
  planId: PlanId;
  planVersion: number;
  stripeSubscriptionId: string | null;
  closedAt: Date | null;
}

export interface ListedPeriodRow extends UsagePeriodRow {
  /** Its usage is not billed. */
  isTrial: boolean;
  /** By metric, what earlier parts of its billing period have used of what its plan includes. */
  carried: Record<string, number>;
}

/** The account's periods that end after `since`, oldest first. Limits for Redis and reads are made from these. */
export const listPeriods = (q: Queryable, accountId: string, since: Date): Promise<ListedPeriodRow[]> =>
  q.rows("usagePeriods.list", {
    text: `select account_id as "accountId", period_start as "periodStart", period_end as "periodEnd", plan_id as "planId",
      plan_version as "planVersion", stripe_subscription_id as "stripeSubscriptionId", closed_at as "closedAt",
      exists (select from user_subscriptions s where s.stripe_subscription_id = u.stripe_subscription_id
        and s.trial_ends_at >= u.period_end) as "isTrial", ${carriedByMetricText("u")} as carried
    from usage_periods u where account_id = $1::text and period_end > $2::timestamptz order by period_start`,
    values: [accountId, since],
  });

export interface FoundPeriodRow extends UsagePeriodRow {
  /** Where the first part of its billing period on the same plan begins. */
  countedFrom: Date;
}

/** The period that holds the instant `at`, or null outside of the account's time. */
export const findPeriodAt = (q: Queryable, accountId: string, at: Date): Promise<FoundPeriodRow | null> =>
  q.row("usagePeriods.findAt", {
    text: `select account_id as "accountId", period_start as "periodStart", period_end as "periodEnd", plan_id as "planId",
      plan_version as "planVersion", stripe_subscription_id as "stripeSubscriptionId", closed_at as "closedAt",
      ${countedFromText("u")} as "countedFrom"
    from usage_periods u where account_id = $1::text and period_start <= $2::timestamptz and period_end > $2::timestamptz`,
    values: [accountId, at],
  });

/** Half open, in unix milliseconds. */
export interface PeriodSpanRow {
  accountId: string;
  startMs: number;
  endMs: number;
  isClosed: boolean;
}

/**
 * The periods that events of `[from, to]` fall in, under a lock on their accounts (in the order of ids) that whoever
 * changes an account's periods waits for, and that waits for them.
 */
export const listPeriodsLocked = async (
  q: Queryable,
  { accountIds, from, to }: { accountIds: readonly string[]; from: Date; to: Date },
): Promise<PeriodSpanRow[]> => {
  const ids = textArray(accountIds);
  await q.run(
    "usagePeriods.lockAccounts",
    prepared(
      sql`select from accounts where account_id = any(${ids}::text[]) order by account_id for key share`,
    ),
  );
  return q.rows(
    "usagePeriods.listLocked",
    prepared(sql`select account_id as "accountId", (extract(epoch from period_start) * 1000)::bigint as "startMs",
      (extract(epoch from period_end) * 1000)::bigint as "endMs", closed_at is not null as "isClosed" from usage_periods
    where account_id = any(${ids}::text[]) and period_end > ${from}::timestamptz and period_start <= ${to}::timestamptz`),
  );
};
