import type { OveragePolicy, PlanId } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import { carriedText, countedFromText } from "./carried-usage.ts";

/** A total of an open period that may have reached something that its account is to be told of. */
export interface AlertStandingRow {
  accountId: string;
  metric: string;
  periodStart: Date;
  periodEnd: Date;
  stripeSubscriptionId: string | null;
  freeAnchorAt: Date;
  planId: PlanId;
  currency: string;
  /** With what earlier parts of the billing period have used on the same plan. */
  quantity: number;
  /** Where the first of those parts begins. */
  countedFrom: Date;
  /** What the account chose, as `usage_alerts` holds it; null: the defaults. */
  thresholds: string[] | null;
  includedQuantity: number | null;
  overagePolicy: OveragePolicy;
  overageAmountMinor: number | null;
  overagePerUnits: number | null;
  spendCapMinor: number | null;
}

// What has not used half of what is included, and chose nothing, is passed over before it leaves the database.
const standings = `select t.account_id as "accountId", t.metric, t.period_start as "periodStart", p.period_end as "periodEnd",
    p.stripe_subscription_id as "stripeSubscriptionId", a.free_anchor_at as "freeAnchorAt", p.plan_id as "planId",
    s.currency, t.quantity + carried.quantity as quantity, ${countedFromText("p")} as "countedFrom", c.thresholds, l.included_quantity as "includedQuantity", l.overage_policy as "overagePolicy",
    l.overage_amount_minor as "overageAmountMinor", l.overage_per_units as "overagePerUnits",
    a.spend_cap_minor as "spendCapMinor"
  from looked join usage_totals t using (account_id, metric, period_start)
  join usage_periods p on p.account_id = t.account_id and p.period_start = t.period_start and p.closed_at is null
  join subscription_plans s on s.plan_id = p.plan_id and s.version = p.plan_version
  join plan_limits l on l.plan_id = p.plan_id and l.plan_version = p.plan_version and l.metric = t.metric
  join accounts a on a.account_id = t.account_id
  left join usage_alerts c on c.account_id = t.account_id and c.metric = t.metric
  cross join lateral (select ${carriedText("p", "t.metric")} as quantity) carried
  where t.quantity > 0 and (c.thresholds <> '{}' or c.thresholds is null and (t.quantity + carried.quantity) * 2 >= l.included_quantity
    or a.spend_cap_minor is not null and l.overage_policy = 'bill')
  order by t.account_id, t.metric, t.period_start`;

/** Of all totals that events dated `since` or later have gone into: found by the index on minutes. */
export const listMovedStandings = (q: Queryable, since: Date): Promise<AlertStandingRow[]> =>
  q.rows("usageAlerts.listMovedStandings", {
    text: `with looked as (select m.account_id, m.metric, p.period_start from (select account_id, metric,
        min(minute_at) as first_at, max(minute_at) as last_at from usage_minutes where minute_at >= $1::timestamptz
        group by account_id, metric) m
      join usage_periods p on p.account_id = m.account_id
        and p.period_start < m.last_at + interval '1 minute' and p.period_end > m.first_at) ${standings}`,
    values: [since],
  });

/** Of the open periods that have begun, of the `limit` accounts that come after `after` (all of them: from ""). */
export const listStandingsAfter = async (
  q: Queryable,
  page: { after: string; limit: number; now: Date },
): Promise<{ standings: AlertStandingRow[]; lastAccountId: string | null }> => {
  const last = await q.row<{ accountId: string | null }>(
    "usageAlerts.findPageEnd",
    sql`select max(account_id) as "accountId" from (select account_id from accounts where account_id > ${page.after}::text
      order by account_id limit ${page.limit}::int) page`,
  );
  const lastAccountId = last?.accountId ?? null;
  if (lastAccountId === null) return { standings: [], lastAccountId };
  const rows = await q.rows<AlertStandingRow>("usageAlerts.listStandingsAfter", {
    text: `with looked as (select t.account_id, t.metric, t.period_start from usage_totals t
      join usage_periods p on p.account_id = t.account_id and p.period_start = t.period_start
        and p.closed_at is null and p.period_start <= $3::timestamptz
      where t.account_id > $1::text and t.account_id <= $2::text) ${standings}`,
    values: [page.after, lastAccountId, page.now],
  });
  return { standings: rows, lastAccountId };
};

/** What names an alert that was told. */
export interface FiredAlertKey {
  accountId: string;
  metric: string;
  /** Of a Free period, its cycle's. */
  periodStart: Date;
  threshold: string;
}

/** Which of these were told before, each as its place in the list. */
export const listFiredPlaces = async (q: Queryable, alerts: readonly FiredAlertKey[]): Promise<number[]> => {
  const rows = await q.rows<{ place: number }>(
    "usageAlerts.listFiredPlaces",
    sql`select (asked.place - 1)::int as place
    from unnest(${alerts.map(({ accountId }) => accountId)}::text[], ${alerts.map(({ metric }) => metric)}::text[],
      ${alerts.map(({ periodStart }) => periodStart)}::timestamptz[], ${alerts.map(({ threshold }) => threshold)}::text[])
      with ordinality as asked (account_id, metric, period_start, threshold, place)
    join usage_alerts_fired f using (account_id, metric, period_start, threshold)`,
  );
  return rows.map(({ place }) => place);
};

/** Remembers that an alert is told. @returns false where it was told in this period before. */
export const insertFired = async (
  q: Queryable,
  alert: FiredAlertKey & { quantity: number; now: Date },
): Promise<boolean> =>
  (await q.run(
    "usageAlerts.insertFired",
    sql`insert into usage_alerts_fired (account_id, metric, period_start, threshold, quantity, fired_at)
    values (${alert.accountId}::text, ${alert.metric}::text, ${alert.periodStart}::timestamptz, ${alert.threshold}::text,
      ${alert.quantity}::bigint, ${alert.now}::timestamptz) on conflict do nothing`,
  )) === 1;

/** What was told of an account in the periods that begin at these instants. */
export const listFired = (
  q: Queryable,
  of: { accountId: string; periodStart: Date },
): Promise<{ metric: string; threshold: string; firedAt: Date }[]> =>
  q.rows(
    "usageAlerts.listFired",
    sql`select metric, threshold, fired_at as "firedAt" from usage_alerts_fired
    where account_id = ${of.accountId}::text and period_start = ${of.periodStart}::timestamptz`,
  );

/** What an account chose, by metric; a metric without a row has the defaults. */
export const listChoices = (
  q: Queryable,
  accountId: string,
): Promise<{ metric: string; thresholds: string[] }[]> =>
  q.rows(
    "usageAlerts.listChoices",
    sql`select metric, thresholds from usage_alerts where account_id = ${accountId}::text order by metric`,
  );

/** Puts these choices in the place of all that the account had; in a transaction that holds the account. */
export async function replaceChoices(
  q: Queryable,
  accountId: string,
  choices: readonly { metric: string; thresholds: readonly string[] }[],
): Promise<void> {
  await q.run(
    "usageAlerts.deleteChoices",
    sql`delete from usage_alerts where account_id = ${accountId}::text`,
  );
  for (const { metric, thresholds } of choices)
    await q.run(
      "usageAlerts.insertChoice",
      sql`insert into usage_alerts (account_id, metric, thresholds)
      values (${accountId}::text, ${metric}::text, ${thresholds}::text[])`,
    );
}
