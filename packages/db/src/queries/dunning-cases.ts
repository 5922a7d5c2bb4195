import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export type DunningState =
  | "retrying"
  | "waiting_for_card"
  | "action_required"
  | "recovered"
  | "gave_up"
  | "stopped";

export type DunningFinalStep = "cancel" | "pause" | "downgrade-to-free";

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
  /** Stripe's count of its own tries when it was last looked at. */
  stripeAttemptCount: number;
  /** When an operator asked for a try that is not made yet. */
  retryRequestedAt: Date | null;
  /** What the last step did, or is doing. */
  finalStep: DunningFinalStep | null;
}

const columns = `invoice_id as "invoiceId", account_id as "accountId", stripe_subscription_id as "stripeSubscriptionId",
  state, mode, attempts, decline_code as "declineCode", failed_payment_method_id as "failedPaymentMethodId",
  new_payment_method_id as "newPaymentMethodId", first_failed_at as "firstFailedAt", last_tried_at as "lastTriedAt",
  taken_over_at as "takenOverAt", next_step_at as "nextStepAt", settled_at as "settledAt",
  stripe_attempt_count as "stripeAttemptCount", retry_requested_at as "retryRequestedAt", final_step as "finalStep"`;

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
  | "stripeAttemptCount"
> & {
  /** When its invoice was first tried, or before. */
  finalizedAt: Date | null;
};

/**
 * Opens a case; one that is there stays. The payment methods that are the defaults by now count as seen: only what
 * comes later is tried at once. So is the card that failed, where it was renewed since the invoice was finalized.
 * @returns whether it was opened now.
 */
export const insertCase = async (q: Queryable, given: NewCase): Promise<boolean> =>
  (await q.run(
    "dunningCases.insert",
    sql`insert into dunning_cases (invoice_id, account_id, stripe_subscription_id, state, mode, decline_code,
      failed_payment_method_id, new_payment_method_id, seen_payment_method_ids, first_failed_at, last_tried_at, next_step_at,
      stripe_attempt_count)
    select ${given.invoiceId}::text, ${given.accountId}::text, ${given.stripeSubscriptionId}::text, ${given.state}::text,
      ${given.mode}::text, ${given.declineCode}::text, ${given.failedPaymentMethodId}::text,
      (select payment_method_id from payment_methods where payment_method_id = ${given.failedPaymentMethodId}::text
        and renewed_at >= ${given.finalizedAt}::timestamptz),
      array_remove(array[${given.failedPaymentMethodId}::text,
        (select default_payment_method_id from user_subscriptions where stripe_subscription_id = ${given.stripeSubscriptionId}::text),
        (select payment_method_id from payment_methods where account_id = ${given.accountId}::text and is_default limit 1)], null),
      ${given.firstFailedAt}::timestamptz, ${given.firstFailedAt}::timestamptz, ${given.nextStepAt}::timestamptz,
      ${given.stripeAttemptCount}::int
    on conflict (invoice_id) do nothing`,
  )) === 1;

/**
 * Ends a case; one that was given up or stopped is recovered all the same when it is paid, and due once more where its
 * subscription was paused. @returns 0 where it stays.
 */
export const updateCaseSettled = (
  q: Queryable,
  given: { invoiceId: string; state: "recovered" | "gave_up" | "stopped"; now: Date },
): Promise<number> =>
  q.run(
    "dunningCases.updateSettled",
    sql`update dunning_cases set state = ${given.state}::text, settled_at = ${given.now}::timestamptz,
      next_step_at = case when ${given.state}::text = 'recovered' and final_step = 'pause' then ${given.now}::timestamptz end,
      next_try_at = '-infinity', new_payment_method_id = null, retry_requested_at = null
    where invoice_id = ${given.invoiceId}::text
      and (settled_at is null or (${given.state}::text = 'recovered' and state <> 'recovered'))
      and not (${given.state}::text = 'stopped' and state = 'gave_up')`,
  );

/** Begins the last step: what it does at Stripe is no cancellation by the customer. The case ends once it is done. */
export const updateCaseGivingUp = (
  q: Queryable,
  given: { invoiceId: string; finalStep: DunningFinalStep },
): Promise<number> =>
  q.run(
    "dunningCases.updateGivingUp",
    sql`update dunning_cases set state = 'gave_up', final_step = ${given.finalStep}::text
    where invoice_id = ${given.invoiceId}::text and settled_at is null`,
  );

/** Nothing more is due of a case that is settled. */
export const updateCaseIdle = (q: Queryable, invoiceId: string): Promise<number> =>
  q.run(
    "dunningCases.updateIdle",
    sql`update dunning_cases set next_step_at = null
    where invoice_id = ${invoiceId}::text and settled_at is not null and new_payment_method_id is null`,
  );

/** What a try that Stripe made by itself leaves behind; `stripeAttemptCount` is Stripe's count with it. */
export const updateCaseFollowed = (
  q: Queryable,
  given: {
    invoiceId: string;
    state: DunningState;
    declineCode: string | null;
    failedPaymentMethodId: string | null;
    stripeAttemptCount: number;
    now: Date;
    nextStepAt: Date | null;
  },
): Promise<number> =>
  q.run(
    "dunningCases.updateFollowed",
    sql`update dunning_cases set state = ${given.state}::text, decline_code = ${given.declineCode}::text,
      failed_payment_method_id = coalesce(${given.failedPaymentMethodId}::text, failed_payment_method_id),
      last_tried_at = ${given.now}::timestamptz, stripe_attempt_count = ${given.stripeAttemptCount}::int,
      next_step_at = case when new_payment_method_id is null and retry_requested_at is null
        then ${given.nextStepAt}::timestamptz else next_step_at end
    where invoice_id = ${given.invoiceId}::text`,
  );

/** Remembers that the invoice was taken from Stripe's own retries, and when our first step is. */
export const updateCaseTakenOver = (
  q: Queryable,
  given: { invoiceId: string; now: Date; nextStepAt: Date },
): Promise<number> =>
  q.run(
    "dunningCases.updateTakenOver",
    sql`update dunning_cases set taken_over_at = ${given.now}::timestamptz, next_try_at = '-infinity',
      next_step_at = case when new_payment_method_id is null and retry_requested_at is null
        then ${given.nextStepAt}::timestamptz else next_step_at end
    where invoice_id = ${given.invoiceId}::text and settled_at is null and taken_over_at is null`,
  );

/** What a try that failed leaves behind. */
export const updateCaseFailed = (
  q: Queryable,
  given: {
    invoiceId: string;
    state: DunningState;
    declineCode: string | null;
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
      next_step_at = case when new_payment_method_id is null and retry_requested_at is null
        then ${given.nextStepAt}::timestamptz else next_step_at end
    where invoice_id = ${given.invoiceId}::text and settled_at is null`,
  );

/**
 * Makes what the account can still recover due at once with a card that its cases have not seen.
 * @returns their invoices.
 */
export const updateCasesNewCard = async (
  q: Queryable,
  given: { accountId: string; paymentMethodId: string; now: Date },
): Promise<string[]> => {
  const rows = await q.rows<{ invoiceId: string }>(
    "dunningCases.updateNewCard",
    sql`update dunning_cases set new_payment_method_id = ${given.paymentMethodId}::text, next_step_at = ${given.now}::timestamptz,
      next_try_at = '-infinity', seen_payment_method_ids = seen_payment_method_ids || ${given.paymentMethodId}::text
    where account_id = ${given.accountId}::text and is_recoverable
      and ${given.paymentMethodId}::text <> all(seen_payment_method_ids)
    returning invoice_id as "invoiceId"`,
  );
  return rows.map((row) => row.invoiceId);
};

/** The same with a card that failed and was renewed since, under the id that it had. */
export const updateCasesRenewedCard = (
  q: Queryable,
  given: { accountId: string; paymentMethodId: string; now: Date },
): Promise<number> =>
  q.run(
    "dunningCases.updateRenewedCard",
    sql`update dunning_cases set new_payment_method_id = ${given.paymentMethodId}::text, next_step_at = ${given.now}::timestamptz,
      next_try_at = '-infinity'
    where account_id = ${given.accountId}::text and is_recoverable
      and failed_payment_method_id = ${given.paymentMethodId}::text`,
  );

/** Asks for a try at once. @returns 0 where nothing can be recovered. */
export const updateCaseRetryRequested = (
  q: Queryable,
  given: { invoiceId: string; now: Date },
): Promise<number> =>
  q.run(
    "dunningCases.updateRetryRequested",
    sql`update dunning_cases set retry_requested_at = ${given.now}::timestamptz, next_step_at = ${given.now}::timestamptz,
      next_try_at = '-infinity'
    where invoice_id = ${given.invoiceId}::text and is_recoverable`,
  );

/**
 * Whether an invoice of the account, first tried before a card was there, waits for one. Its first try is at its
 * finalization or later; both instants are Stripe's, in whole seconds.
 */
export const hasCaseBefore = async (
  q: Queryable,
  card: { accountId: string; chosenAt: Date },
): Promise<boolean> =>
  (await q.row(
    "dunningCases.hasBefore",
    sql`select 1 from dunning_cases d join invoices i on i.invoice_id = d.invoice_id
      where d.account_id = ${card.accountId}::text and d.is_recoverable and i.finalized_at <= ${card.chosenAt}::timestamptz limit 1`,
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
    where invoice_id in (select invoice_id from dunning_cases where next_step_at <= ${due.now}::timestamptz and next_try_at <= ${due.wallNow}::timestamptz
      order by next_step_at limit ${due.limit}::int for update skip locked)
    returning invoice_id as "invoiceId"`,
  );
  return rows.map((row) => row.invoiceId);
};
