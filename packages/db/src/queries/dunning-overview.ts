import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";
import type { DunningCaseRow } from "./dunning-cases.ts";

/** A case with what its invoice says, as operators see it. */
export interface DunningOverviewRow
  extends Pick<
    DunningCaseRow,
    | "invoiceId"
    | "accountId"
    | "stripeSubscriptionId"
    | "state"
    | "mode"
    | "attempts"
    | "stripeAttemptCount"
    | "declineCode"
    | "finalStep"
    | "firstFailedAt"
    | "lastTriedAt"
    | "nextStepAt"
    | "settledAt"
  > {
  amountRemainingMinor: number;
  currency: string;
  hostedUrl: string | null;
  /** Stripe's next try by itself. */
  nextPaymentAttemptAt: Date | null;
}

export interface DunningTryRow {
  attempt: number;
  reason: "schedule" | "new_card" | "operator";
  paymentMethodId: string | null;
  /** Null while it is on its way. */
  outcome: string | null;
  declineCode: string | null;
  startedAt: Date;
  endedAt: Date | null;
}

const columns = `c.invoice_id as "invoiceId", c.account_id as "accountId", c.stripe_subscription_id as "stripeSubscriptionId",
  c.state, c.mode, c.attempts, c.stripe_attempt_count as "stripeAttemptCount", c.decline_code as "declineCode",
  c.final_step as "finalStep", c.first_failed_at as "firstFailedAt", c.last_tried_at as "lastTriedAt",
  c.next_step_at as "nextStepAt", c.settled_at as "settledAt", i.amount_remaining_minor as "amountRemainingMinor",
  i.currency, i.hosted_url as "hostedUrl", i.next_payment_attempt_at as "nextPaymentAttemptAt"`;

/** Dunning cases, the newest first, those that come after `after`; `isOpen` leaves out what is settled. */
export const listDunningCases = (
  q: Queryable,
  page: { limit: number; after: { at: Date; id: string } | null; isOpen: boolean },
): Promise<DunningOverviewRow[]> =>
  q.rows("dunningOverview.list", {
    text: `select ${columns} from dunning_cases c join invoices i using (invoice_id)
    where ($1::timestamptz is null or (c.first_failed_at, c.invoice_id) < ($1::timestamptz, $2::text))
      and (not $3::boolean or c.settled_at is null)
    order by c.first_failed_at desc, c.invoice_id desc limit $4::int`,
    values: [page.after?.at ?? null, page.after?.id ?? null, page.isOpen, page.limit],
  });

export const findDunningCase = (q: Queryable, invoiceId: string): Promise<DunningOverviewRow | null> =>
  q.row("dunningOverview.find", {
    text: `select ${columns} from dunning_cases c join invoices i using (invoice_id) where c.invoice_id = $1::text`,
    values: [invoiceId],
  });

/** Our own tries of an invoice, the first first. */
export const listDunningTries = (q: Queryable, invoiceId: string): Promise<DunningTryRow[]> =>
  q.rows(
    "dunningOverview.listTries",
    sql`select attempt, reason, payment_method_id as "paymentMethodId", outcome, decline_code as "declineCode",
      started_at as "startedAt", ended_at as "endedAt"
    from dunning_attempts where invoice_id = ${invoiceId}::text order by attempt`,
  );

/** How many cases are not settled, by their state; a state without any is left out. */
export const listOpenCounts = (q: Queryable): Promise<{ state: string; count: number }[]> =>
  q.rows(
    "dunningOverview.listOpenCounts",
    sql`select state, count(*) as count from dunning_cases where settled_at is null group by state`,
  );

/** Steps that were due `before` and that nobody has done. */
export const countOverdueSteps = async (q: Queryable, before: Date): Promise<number> =>
  (
    await q.row<{ count: number }>(
      "dunningOverview.countOverdueSteps",
      sql`select count(*) as count from dunning_cases where next_step_at < ${before}::timestamptz`,
    )
  )?.count ?? 0;
