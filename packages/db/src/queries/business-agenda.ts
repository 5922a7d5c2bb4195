import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface AgendaRow {
  /** Rows whose time has come and whose work is not done. */
  dueCount: number;
  /** The earliest instant of business time at which another row's time comes. */
  nextDueAt: Date | null;
}

/**
 * What time brings to the billing worker: periods to close, closes, changes of plan and moves between its versions, dunning
 * steps, cards to adopt, objects of Stripe to fetch, limits to push, closed periods to adjust, notices to send for the first
 * time. Not waited for: what failed, and
 * what stands in line behind it, because when it is tried again is a matter of wall time.
 */
export const findAgenda = async (
  q: Queryable,
  of: { now: Date; closeLatenessMs: number; abandonedCloseMs: number; adjustmentGatherMs: number },
): Promise<AgendaRow> => {
  const row = await q.row<AgendaRow>(
    "businessAgenda.find",
    sql`with dues as (
      select due_at from period_closes where closed_at is null
      union all select next_step_at from dunning_cases where next_step_at is not null
      union all select period_end + case when exists (select from plan_limits l where l.plan_id = u.plan_id
          and l.plan_version = u.plan_version and l.overage_policy = 'bill'
          and not exists (select from user_subscriptions s where s.stripe_subscription_id = u.stripe_subscription_id
            and s.trial_ends_at >= u.period_end)) then ${of.abandonedCloseMs}::bigint
          else ${of.closeLatenessMs}::bigint end * interval '1 millisecond'
        from usage_periods u where closed_at is null
      union all select marked_at + ${of.adjustmentGatherMs}::bigint * interval '1 millisecond'
        from usage_adjustment_checks where next_try_at = '-infinity'
    )
    select (select count(*) from dues where due_at <= ${of.now}::timestamptz)
        + (select count(*) from plan_changes where finished_at is null)
        + (select count(*) from plan_version_moves where settled_at is null and tries = 0)
        + (select count(*) from new_cards where adopted_at is null)
        + (select count(*) from usage_adjustments where state in ('pending', 'sending') and attempts = 0)
        + (select count(*) from stripe_objects where synced_generation < generation and failure is null)
        + (select count(*) from accounts where limits_pushed_version < limits_version)
        + (select count(*) from notice_deliveries d where state = 'pending' and not exists (select from notice_deliveries f
            where f.endpoint_id = d.endpoint_id and f.state = 'pending' and f.attempts > 0)) as "dueCount",
      (select min(due_at) from dues where due_at > ${of.now}::timestamptz) as "nextDueAt"`,
  );
  return row ?? { dueCount: 0, nextDueAt: null };
};
