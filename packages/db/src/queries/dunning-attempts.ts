import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface DunningAttemptRow {
  invoiceId: string;
  /** From 1. */
  attempt: number;
  idempotencyKey: string;
  reason: "schedule" | "new_card" | "operator";
  /** The card to try; null is whatever Stripe takes by default. */
  paymentMethodId: string | null;
}

/** The try that was begun and whose outcome is not known: it is repeated under its key. */
export const findUnfinishedAttempt = (q: Queryable, invoiceId: string): Promise<DunningAttemptRow | null> =>
  q.row(
    "dunningAttempts.findUnfinished",
    sql`select invoice_id as "invoiceId", attempt, idempotency_key as "idempotencyKey", reason,
      payment_method_id as "paymentMethodId"
    from dunning_attempts where invoice_id = ${invoiceId}::text and outcome is null order by attempt limit 1`,
  );

/** Writes a try down before it is made, and counts it; its case no longer waits with that card. */
export async function insertAttempt(q: Queryable, attempt: DunningAttemptRow & { now: Date }): Promise<void> {
  await q.run(
    "dunningAttempts.insert",
    sql`insert into dunning_attempts (invoice_id, attempt, idempotency_key, reason, payment_method_id, started_at)
    values (${attempt.invoiceId}::text, ${attempt.attempt}::int, ${attempt.idempotencyKey}::text, ${attempt.reason}::text,
      ${attempt.paymentMethodId}::text, ${attempt.now}::timestamptz)`,
  );
  await q.run(
    "dunningAttempts.updateCaseCount",
    sql`update dunning_cases set attempts = ${attempt.attempt}::int, retry_requested_at = null,
      new_payment_method_id = case when new_payment_method_id = ${attempt.paymentMethodId}::text then null
        else new_payment_method_id end
    where invoice_id = ${attempt.invoiceId}::text`,
  );
}

/** How a try ended. */
export const updateAttemptEnded = (
  q: Queryable,
  ended: {
    invoiceId: string;
    attempt: number;
    /** `processing`: taken, and not known yet; `settled`: somebody else paid or voided the invoice before it. */
    outcome: "paid" | "declined" | "action_required" | "processing" | "settled";
    declineCode: string | null;
    now: Date;
  },
): Promise<number> =>
  q.run(
    "dunningAttempts.updateEnded",
    sql`update dunning_attempts set outcome = ${ended.outcome}::text, decline_code = ${ended.declineCode}::text,
      ended_at = ${ended.now}::timestamptz
    where invoice_id = ${ended.invoiceId}::text and attempt = ${ended.attempt}::int and outcome is null`,
  );
