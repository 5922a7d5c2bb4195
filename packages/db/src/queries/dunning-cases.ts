import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export type DunningState =
  | "retrying"
  | "waiting_for_card"
  | "action_required"
  | "recovered"
  | "gave_up"
  | "stopped";

export interface DunningCaseRow {
  invoiceId: string;
  accountId: string;
  stripeSubscriptionId: string | null;
  state: DunningState;
  mode: "worker" | "stripe";
  /** Tries of ours. */
  attempts: number;
  declineCode: string | null;
  failedPaymentMethodId: string | null;
  newPaymentMethodId: string | null;
  firstFailedAt: Date;
  lastTriedAt: Date;
  takenOverAt: Date | null;
  nextStepAt: Date | null;
  settledAt: Date | null;
}

const columns = `invoice_id as "invoiceId", account_id as "accountId", stripe_subscription_id as "stripeSubscriptionId",
  state, mode, attempts, decline_code as "declineCode", failed_payment_method_id as "failedPaymentMethodId",
  new_payment_method_id as "newPaymentMethodId", first_failed_at as "firstFailedAt", last_tried_at as "lastTriedAt",
  taken_over_at as "takenOverAt", next_step_at as "nextStepAt", settled_at as "settledAt"`;

export const findCase = (q: Queryable, invoiceId: string): Promise<DunningCaseRow | null> =>
  q.row("dunningCases.find", {
    text: `select ${columns} from dunning_cases where invoice_id = $1::text`,
    values: [invoiceId],
  });

/** The case, locked until the transaction ends. */
export const findCaseForUpdate = (q: Queryable, invoiceId: string): Promise<DunningCaseRow | null> =>
  q.row("dunningCases.findForUpdate", {
    text: `select ${columns} from dunning_cases where invoice_id = $1::text for update`,
    values: [invoiceId],
  });

type NewCase = Pick<
  DunningCaseRow,
  | "invoiceId"
  | "accountId"
  | "stripeSubscriptionId"
  | "state"
  | "mode"
  | "declineCode"
  | "failedPaymentMethodId"
  | "firstFailedAt"
  | "nextStepAt"
>;

/**
 * Opens a case; one that is there stays. The payment methods that are the defaults by now count as seen: only what
 * comes later is tried at once. @returns whether it was opened now.
 */
export const insertCase = async (q: Queryable, given: NewCase): Promise<boolean> =>
  (await q.run(
    "dunningCases.insert",
    sql`insert into dunning_cases (invoice_id, account_id, stripe_subscription_id, state, mode, decline_code,
      failed_payment_method_id, seen_payment_method_ids, first_failed_at, last_tried_at, next_step_at)
    select ${given.invoiceId}::text, ${given.accountId}::text, ${given.stripeSubscriptionId}::text, ${given.state}::text,
      ${given.mode}::text, ${given.declineCode}::text, ${given.failedPaymentMethodId}::text,
      array_remove(array[${given.failedPaymentMethodId}::text,
        (select default_payment_method_id from user_subscriptions where stripe_subscription_id = ${given.stripeSubscriptionId}::text),
        (select payment_method_id from payment_methods where account_id = ${given.accountId}::text and is_default limit 1)], null),
      ${given.firstFailedAt}::timestamptz, ${given.firstFailedAt}::timestamptz, ${given.nextStepAt}::timestamptz
    on conflict (invoice_id) do nothing`,
  )) === 1;

/** Ends a case; one that was given up or stopped is recovered all the same when it is paid. @returns 0 where it stays. */
export const updateCaseSettled = (
  q: Queryable,
  given: { invoiceId: string; state: "recovered" | "gave_up" | "stopped"; now: Date },
): Promise<number> =>
  q.run(
    "dunningCases.updateSettled",
    sql`update dunning_cases set state = ${given.state}::text, settled_at = ${given.now}::timestamptz, next_step_at = null,
      new_payment_method_id = null
    where invoice_id = ${given.invoiceId}::text
      and (settled_at is null or (${given.state}::text = 'recovered' and state <> 'recovered'))
      and not (${given.state}::text = 'stopped' and state = 'gave_up')`,
  );

/** Begins the last step: what it does at Stripe is no cancellation by the customer. The case ends once it is done. */
export const updateCaseGivingUp = (q: Queryable, invoiceId: string): Promise<number> =>
  q.run(
    "dunningCases.updateGivingUp",
    sql`update dunning_cases set state = 'gave_up' where invoice_id = ${invoiceId}::text and settled_at is null`,
  );

/** Remembers that the invoice was taken from Stripe's own retries, and when our first step is. */
export const updateCaseTakenOver = (
  q: Queryable,
  given: { invoiceId: string; now: Date; nextStepAt: Date },
): Promise<number> =>
  q.run(
    "dunningCases.updateTakenOver",
    sql`update dunning_cases set taken_over_at = ${given.now}::timestamptz, next_try_at = '-infinity',
      next_step_at = case when new_payment_method_id is null then ${given.nextStepAt}::timestamptz else next_step_at end
    where invoice_id = ${given.invoiceId}::text and settled_at is null and taken_over_at is null`,
  );

/** What a try that failed leaves behind. */
export const updateCaseFailed = (
  q: Queryable,
  given: {
    invoiceId: string;
    state: DunningState;
    declineCode: string;
    failedPaymentMethodId: string | null;
    triedAt: Date;
    nextStepAt: Date | null;
  },
): Promise<number> =>
  q.run(
    "dunningCases.updateFailed",
    sql`update dunning_cases set state = ${given.state}::text, decline_code = ${given.declineCode}::text,
      failed_payment_method_id = coalesce(${given.failedPaymentMethodId}::text, failed_payment_method_id),
      last_tried_at = ${given.triedAt}::timestamptz, next_try_at = '-infinity',
      next_step_at = case when new_payment_method_id is null then ${given.nextStepAt}::timestamptz else next_step_at end
    where invoice_id = ${given.invoiceId}::text and settled_at is null`,
  );

/**
 * Makes the account's open cases that we drive due at once with a card that none of them has seen.
 * @returns how many there were.
 */
export const updateCasesNewCard = (
  q: Queryable,
  given: { accountId: string; paymentMethodId: string; now: Date },
): Promise<number> =>
  q.run(
    "dunningCases.updateNewCard",
    sql`update dunning_cases set new_payment_method_id = ${given.paymentMethodId}::text, next_step_at = ${given.now}::timestamptz,
      next_try_at = '-infinity', seen_payment_method_ids = seen_payment_method_ids || ${given.paymentMethodId}::text
    where account_id = ${given.accountId}::text and settled_at is null and mode = 'worker' and state <> 'gave_up'
      and ${given.paymentMethodId}::text <> all(seen_payment_method_ids)`,
  );

/** Whether an invoice of the account waits to be paid after a failure. */
export const hasOpenCase = async (q: Queryable, accountId: string): Promise<boolean> =>
  (await q.row(
    "dunningCases.hasOpen",
    sql`select 1 from dunning_cases where account_id = ${accountId}::text and settled_at is null limit 1`,
  )) !== null;

/**
 * Takes cases whose next step is due by the business clock; a step that breaks off is due again `wallNow` + 30 s, so
 * that no fault of ours becomes a hot loop of payments.
 */
export const claimDueCases = async (
  q: Queryable,
  due: { now: Date; wallNow: Date; limit: number },
): Promise<string[]> => {
  const rows = await q.rows<{ invoiceId: string }>(
    "dunningCases.claimDue",
    sql`update dunning_cases set next_try_at = ${due.wallNow}::timestamptz + interval '30 seconds'
    where invoice_id in (select invoice_id from dunning_cases where settled_at is null
      and next_step_at <= ${due.now}::timestamptz and next_try_at <= ${due.wallNow}::timestamptz
      order by next_step_at limit ${due.limit}::int for update skip locked)
    returning invoice_id as "invoiceId"`,
  );
  return rows.map((row) => row.invoiceId);
};
