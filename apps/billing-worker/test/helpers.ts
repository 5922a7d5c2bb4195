import { type PlanId, type SubscriptionStatus } from "@driftlock/contracts";
import { accounts, createDb, type Db, seedCatalog, sql, usagePeriods } from "@driftlock/db";
import { createTestDatabase } from "@driftlock/devkit";
import { initialFreePeriods } from "@driftlock/domain";

export const at = (text: string): Date => new Date(`${text}Z`);

/** A seeded database of one's own; disposed of with `await using`. */
export async function openDatabase(now: Date): Promise<{ db: Db; [Symbol.asyncDispose](): Promise<void> }> {
  const database = await createTestDatabase();
  const db = createDb({
    connectionString: database.url,
    applicationName: "billing-worker-test",
    connectionsMax: 5,
  });
  await seedCatalog(db, { mode: "simulator", usagePartitions: 2, now });
  return {
    db,
    [Symbol.asyncDispose]: async () => {
      await db.end();
      await database.drop();
    },
  };
}

export async function openAccount(db: Db, accountId: string, now: Date): Promise<void> {
  const periods = initialFreePeriods(now);
  await db.transaction((tx) =>
    accounts.insertAccount(tx, { accountId, name: null, email: null, now, freePlanVersion: 1, periods }),
  );
}

interface GivenSubscription {
  id?: string;
  accountId: string;
  planId?: PlanId;
  status?: SubscriptionStatus;
  period: readonly [Date, Date];
  startedAt?: Date;
  endsAt?: Date | null;
  isEndingWithPeriod?: boolean;
  planChangedAt?: Date | null;
  pendingPlanId?: PlanId | null;
  paymentMethodId?: string | null;
}

/** Puts a subscription into the mirror, as a sync with Stripe does. */
export const putSubscription = (db: Db, given: GivenSubscription): Promise<number> =>
  db.run(
    "test.putSubscription",
    sql`insert into user_subscriptions (stripe_subscription_id, account_id, plan_id, plan_version, status, period_start,
      period_end, cancel_at_period_end, ended_at, pending_plan_id, default_payment_method_id, started_at, plan_changed_at, fetch_sequence)
    values (${given.id ?? "sub_1"}::text, ${given.accountId}::text, ${given.planId ?? "pro"}::text, 1, ${given.status ?? "active"}::text,
      ${given.period[0]}::timestamptz, ${given.period[1]}::timestamptz, ${given.isEndingWithPeriod ?? false}::boolean,
      ${given.endsAt ?? null}::timestamptz, ${given.pendingPlanId ?? null}::text, ${given.paymentMethodId ?? null}::text,
      ${given.startedAt ?? given.period[0]}::timestamptz, ${given.planChangedAt ?? null}::timestamptz, 1)
    on conflict (stripe_subscription_id) do update set plan_id = excluded.plan_id, status = excluded.status,
      period_start = excluded.period_start, period_end = excluded.period_end, ended_at = excluded.ended_at,
      cancel_at_period_end = excluded.cancel_at_period_end, pending_plan_id = excluded.pending_plan_id,
      plan_changed_at = excluded.plan_changed_at`,
  );

/** Stores events as the aggregator does: records, and totals in the periods that hold them. */
export async function storeEvents(
  db: Db,
  accountId: string,
  events: readonly { metric?: string; quantity?: number; at: Date }[],
): Promise<void> {
  for (const [index, event] of events.entries()) {
    const metric = event.metric ?? "events";
    const id = `${metric}-${event.at.getTime()}-${index}`;
    await db.run(
      "test.storeEvent",
      sql`with stored as (insert into usage_records (account_id, event_id, metric, quantity, occurred_at, received_at, generation)
        values (${accountId}::text, ${id}::text, ${metric}::text, ${event.quantity ?? 1}::bigint, ${event.at}::timestamptz, ${event.at}::timestamptz, 1)
        returning quantity)
      insert into usage_totals as t (account_id, metric, period_start, quantity, event_count, last_occurred_at)
      select ${accountId}::text, ${metric}::text, p.period_start, stored.quantity, 1, ${event.at}::timestamptz
      from stored, usage_periods p where p.account_id = ${accountId}::text
        and p.period_start <= ${event.at}::timestamptz and p.period_end > ${event.at}::timestamptz
      on conflict (account_id, metric, period_start) do update set
        quantity = case (select aggregation from metrics where metric = ${metric}::text) when 'max'
          then greatest(t.quantity, excluded.quantity) else t.quantity + excluded.quantity end,
        event_count = t.event_count + 1, last_occurred_at = greatest(t.last_occurred_at, excluded.last_occurred_at)`,
    );
  }
}

/** The account's periods in one line each: start, plan, closed or not, and the totals of its metrics. */
export async function toldPeriods(db: Db, accountId: string): Promise<string[]> {
  const periods = await usagePeriods.listPeriods(db, accountId, new Date(0));
  const totals = await db.rows<{ periodStart: Date; metric: string; quantity: number }>(
    "test.totals",
    sql`select period_start as "periodStart", metric, quantity from usage_totals where account_id = ${accountId}::text order by metric`,
  );
  return periods.map((period) => {
    const used = totals
      .filter((total) => total.periodStart.getTime() === period.periodStart.getTime())
      .map((total) => ` ${total.metric}=${total.quantity}`);
    return `${period.periodStart.toISOString().slice(0, 16)} ${period.planId}${period.closedAt === null ? "" : " closed"}${used.join("")}`;
  });
}
