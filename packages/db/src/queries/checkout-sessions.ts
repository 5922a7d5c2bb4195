import type { PlanId } from "@driftlock/contracts";
import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface CheckoutSessionRow {
  sessionId: string;
  planId: PlanId;
  status: "open" | "complete" | "expired";
  url: string | null;
  expiresAt: Date;
}

export interface CheckoutReservationRow {
  planId: PlanId;
  planVersion: number;
  successUrl: string;
  cancelUrl: string;
  /** Of the trial that it begins with; 0 is none. */
  trialDays: number;
  idempotencyKey: string;
  createdAt: Date;
}

/** Ends the sessions whose time is over: Stripe's own word on it may come late, or never. */
export const updateOverdueSessions = (q: Queryable, accountId: string, now: Date): Promise<number> =>
  q.run(
    "checkoutSessions.updateOverdue",
    sql`update checkout_sessions set status = 'expired'
    where account_id = ${accountId}::text and status = 'open' and expires_at <= ${now}::timestamptz`,
  );

/** Ends the account's open sessions: Stripe has deleted their customer, and nobody can pay them any more. */
export const updateSessionsOfGoneCustomer = (q: Queryable, accountId: string): Promise<number> =>
  q.run(
    "checkoutSessions.updateOfGoneCustomer",
    sql`update checkout_sessions set status = 'expired' where account_id = ${accountId}::text and status = 'open'`,
  );

/** The account's one open session, or null. */
export const findOpenSession = (q: Queryable, accountId: string): Promise<CheckoutSessionRow | null> =>
  q.row(
    "checkoutSessions.findOpen",
    sql`select session_id as "sessionId", plan_id as "planId", status, url, expires_at as "expiresAt"
    from checkout_sessions where account_id = ${accountId}::text and status = 'open'`,
  );

/** Whether a session was paid whose subscription is not mirrored yet: the account pays, we just do not see it. */
export const isPaidAndNotSynced = async (q: Queryable, accountId: string): Promise<boolean> =>
  (await q.row(
    "checkoutSessions.findPaidAndNotSynced",
    sql`select 1 from checkout_sessions c where c.account_id = ${accountId}::text and c.status = 'complete'
    and not exists (select 1 from user_subscriptions s where s.stripe_subscription_id = c.stripe_subscription_id)`,
  )) !== null;

/** Adds what Stripe made; a session that is known is left as it is, since the answer may be an old one repeated. */
export const insertSession = (
  q: Queryable,
  session: {
    sessionId: string;
    accountId: string;
    planId: string;
    url: string | null;
    successUrl: string;
    cancelUrl: string;
    expiresAt: Date;
    now: Date;
  },
): Promise<number> =>
  q.run(
    "checkoutSessions.insert",
    sql`insert into checkout_sessions (session_id, account_id, plan_id, status, url, success_url, cancel_url, expires_at, created_at)
    values (${session.sessionId}::text, ${session.accountId}::text, ${session.planId}::text, 'open', ${session.url}::text,
      ${session.successUrl}::text, ${session.cancelUrl}::text, ${session.expiresAt}::timestamptz, ${session.now}::timestamptz)
    on conflict (session_id) do nothing`,
  );

/** Records how an open session ended. `stripeSubscriptionId` is what a complete one bought. */
export const updateSessionEnded = (
  q: Queryable,
  session: { sessionId: string; status: "complete" | "expired"; stripeSubscriptionId: string | null },
): Promise<number> =>
  q.run(
    "checkoutSessions.updateEnded",
    sql`update checkout_sessions set status = ${session.status}::text,
      stripe_subscription_id = coalesce(${session.stripeSubscriptionId}::text, stripe_subscription_id)
    where session_id = ${session.sessionId}::text and status = 'open'`,
  );

export const findReservation = (q: Queryable, accountId: string): Promise<CheckoutReservationRow | null> =>
  q.row(
    "checkoutReservations.find",
    sql`select plan_id as "planId", plan_version as "planVersion", success_url as "successUrl", cancel_url as "cancelUrl",
      trial_days as "trialDays", idempotency_key as "idempotencyKey", created_at as "createdAt"
    from checkout_reservations where account_id = ${accountId}::text`,
  );

/** Reserves; the caller holds the account's row, so that there is no second one. */
export const insertReservation = (
  q: Queryable,
  accountId: string,
  reservation: CheckoutReservationRow,
): Promise<number> =>
  q.run(
    "checkoutReservations.insert",
    sql`insert into checkout_reservations (account_id, plan_id, plan_version, success_url, cancel_url, trial_days, idempotency_key,
      created_at)
    values (${accountId}::text, ${reservation.planId}::text, ${reservation.planVersion}::int, ${reservation.successUrl}::text,
      ${reservation.cancelUrl}::text, ${reservation.trialDays}::int, ${reservation.idempotencyKey}::text, ${reservation.createdAt}::timestamptz)`,
  );

/** Removes this reservation and no later one of the account. */
export const deleteReservation = (q: Queryable, idempotencyKey: string): Promise<number> =>
  q.run(
    "checkoutReservations.delete",
    sql`delete from checkout_reservations where idempotency_key = ${idempotencyKey}::text`,
  );
