import type { PlanId } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { carriedByMetricText } from "./carried-usage.ts";

/** All that an account's live counters are built from, of one instant of the database. */
export interface UsageSnapshotRow {
  accountId: string;
  limitsVersion: number;
  spendCapMinor: number | null;
  periods: {
    startMs: number;
    endMs: number;
    planId: PlanId;
    planVersion: number;
    isClosed: boolean;
    isTrial: boolean;
    /** By metric, what earlier parts of its billing period have used of what its plan includes. */
    carried: Record<string, number>;
  }[];
  totals: { segmentStartMs: number; metric: string; quantity: number; lastOccurredAtMs: number }[];
  /** The values that `unique` metrics have seen. */
  uniques: { segmentStartMs: number; metric: string; values: string[] }[];
  /** What reservations hold; one that is not decided yet may turn out not to. */
  holds: {
    reservationNo: number;
    isDecided: boolean;
    expiresAtMs: number;
    items: { metric: string; quantity: number }[];
  }[];
  /** Of all metrics together: rises with each change of one. */
  metricsVersion: number;
  /** How far into its partition's stream the totals reach. */
  epoch: string;
  streamId: string;
}

/**
 * Snapshots of the accounts that exist, with their periods that end after `since` and those periods' totals. One
 * statement, so that totals and stream position belong together.
 */
export const listUsageSnapshots = (
  q: Queryable,
  wanted: readonly { accountId: string; partition: number }[],
  since: Date,
): Promise<UsageSnapshotRow[]> =>
  q.rows("usageSnapshots.list", {
    text: `with periods as (
      select w.account_id, p.period_start, p.period_end, p.plan_id, p.plan_version, p.closed_at,
        exists (select from user_subscriptions s where s.stripe_subscription_id = p.stripe_subscription_id
          and s.trial_ends_at >= p.period_end) as is_trial, ${carriedByMetricText("p")} as carried
      from unnest($1::text[]) as w (account_id)
      join usage_periods p on p.account_id = w.account_id and p.period_end > $2::timestamptz
    )
    select a.account_id as "accountId", a.limits_version as "limitsVersion", a.spend_cap_minor as "spendCapMinor",
      (select sum(version)::int from metrics) as "metricsVersion", coalesce(s.epoch, '') as "epoch", coalesce(s.last_stream_id, '0-0') as "streamId",
      coalesce((select jsonb_agg(jsonb_build_object(
          'startMs', (extract(epoch from p.period_start) * 1000)::bigint,
          'endMs', (extract(epoch from p.period_end) * 1000)::bigint,
          'planId', p.plan_id, 'planVersion', p.plan_version, 'isClosed', p.closed_at is not null, 'isTrial', p.is_trial,
          'carried', p.carried))
        from periods p where p.account_id = a.account_id), '[]') as periods,
      coalesce((select jsonb_agg(jsonb_build_object(
          'segmentStartMs', (extract(epoch from t.period_start) * 1000)::bigint, 'metric', t.metric,
          'quantity', t.quantity, 'lastOccurredAtMs', (extract(epoch from t.last_occurred_at) * 1000)::bigint))
        from periods p join usage_totals t on t.account_id = p.account_id and t.period_start = p.period_start
        where p.account_id = a.account_id), '[]') as totals,
      coalesce((select jsonb_agg(jsonb_build_object(
          'segmentStartMs', (extract(epoch from v.period_start) * 1000)::bigint, 'metric', v.metric, 'values', v.seen))
        from (select v.period_start, v.metric, jsonb_agg(v.value) as seen
          from periods p join usage_unique_values v on v.account_id = p.account_id and v.period_start = p.period_start
          where p.account_id = a.account_id group by v.period_start, v.metric) v), '[]') as uniques,
      coalesce((select jsonb_agg(jsonb_build_object('reservationNo', r.reservation_no, 'isDecided', r.state <> 'pending',
          'expiresAtMs', (extract(epoch from r.expires_at) * 1000)::bigint, 'items', r.items))
        from usage_reservations r where r.account_id = a.account_id and r.state in ('pending', 'held', 'committing')),
        '[]') as holds
    from unnest($1::text[], $3::int[])
      as w (account_id, partition_no)
    join accounts a on a.account_id = w.account_id
    left join usage_stream_positions s on s.partition_no = w.partition_no`,
    values: [wanted.map(({ accountId }) => accountId), since, wanted.map(({ partition }) => partition)],
  });
