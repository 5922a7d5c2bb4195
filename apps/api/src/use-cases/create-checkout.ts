import { AppError, type CheckoutDto } from "@driftlock/contracts";
import { accounts, checkoutSessions, type Db, subscriptions, type Transaction } from "@driftlock/db";
import { isLiveSubscription, pricesOfPlan } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { noSuchAccount } from "../auth/credential.ts";
import type { EnsureCustomer } from "./ensure-customer.ts";
import { currentPlan, type PlanRow, planVersion } from "./plan-catalog.ts";
import type { CheckReturnUrl } from "./return-urls.ts";
import type { SyncFromStripe } from "./sync-from-stripe.ts";

type OpenSession = NonNullable<Awaited<ReturnType<typeof checkoutSessions.findOpenSession>>>;
type Reservation = NonNullable<Awaited<ReturnType<typeof checkoutSessions.findReservation>>>;

type NextStep =
  | { do: "answer"; session: CheckoutDto }
  | { do: "expire"; session: OpenSession }
  | { do: "create"; reservation: Reservation };

export interface CheckoutWish {
  planId: string;
  successUrl?: string | undefined;
  cancelUrl?: string | undefined;
}

interface Deps {
  db: Db;
  stripe: Stripe;
  clock: Clock;
  ensureCustomer: EnsureCustomer;
  checkReturnUrl: CheckReturnUrl;
  syncFromStripe: SyncFromStripe;
  /** Where the customer comes back to, by default. */
  successUrl: string;
  cancelUrl: string;
  makeIdempotencyKey: () => string;
}

/** Older than that a reservation is made anew. Nobody was ever told of its session, if there is one. */
const reservationAgeMaxMs = 10 * 60_000;
const stepsMax = 8;

/**
 * The one open Checkout Session of an account, for this plan. No transaction spans a call to Stripe: under the
 * account's row lock the next step is decided and, before a session is made, reserved with its idempotency key and
 * parameters; then Stripe is asked; then the answer is stored and the next step decided again. Requests that run at
 * once, and one that repeats after a crash between any two lines, find the same reservation, send the same key and
 * get the same session.
 */
export function createCheckout(deps: Deps) {
  const { db, clock } = deps;

  return async (accountId: string, wish: CheckoutWish): Promise<CheckoutDto> => {
    const urls = {
      successUrl: deps.checkReturnUrl(wish.successUrl ?? deps.successUrl),
      cancelUrl: deps.checkReturnUrl(wish.cancelUrl ?? deps.cancelUrl),
    };
    const plan = await currentPlan(db, wish.planId);
    if (plan.priceAmountMinor === 0) {
      throw new AppError(
        "PLAN_NOT_PURCHASABLE",
        `"${plan.planId}" costs nothing: an account has it without a checkout.`,
      );
    }
    for (let step = 1; step <= stepsMax; step += 1) {
      const next = await db.transaction((tx) => decide(tx, accountId, plan, urls));
      if (next.do === "answer") return next.session;
      if (next.do === "expire") await expire(accountId, next.session);
      else await create(accountId, next.reservation);
    }
    throw new AppError("UNAVAILABLE", "Other checkouts of this account keep coming between; try again.");
  };

  async function decide(
    tx: Transaction,
    accountId: string,
    plan: PlanRow,
    urls: { successUrl: string; cancelUrl: string },
  ): Promise<NextStep> {
    const now = clock.now();
    const account = await accounts.findAccountForUpdate(tx, accountId);
    if (account === null) throw noSuchAccount(accountId);
    await assertNotSubscribed(tx, accountId);
    await checkoutSessions.updateOverdueSessions(tx, accountId, now);
    const reservation = await freshReservation(tx, accountId, now);
    // Another plan's session may exist at Stripe and we not know it: it is made known first, then expired.
    if (reservation !== null) return { do: "create", reservation };
    const open = await checkoutSessions.findOpenSession(tx, accountId);
    if (open?.planId === plan.planId && open.url !== null) {
      return { do: "answer", session: { sessionId: open.sessionId, url: open.url } };
    }
    if (open !== null) return { do: "expire", session: open };
    pricesOfPlan(plan);
    const reserved: Reservation = {
      ...urls,
      planId: plan.planId,
      planVersion: plan.version,
      trialDays: account.trialStartedAt === null ? plan.trialDays : 0,
      idempotencyKey: deps.makeIdempotencyKey(),
      createdAt: now,
    };
    await checkoutSessions.insertReservation(tx, accountId, reserved);
    return { do: "create", reservation: reserved };
  }

  async function freshReservation(
    tx: Transaction,
    accountId: string,
    now: Date,
  ): Promise<Reservation | null> {
    const reservation = await checkoutSessions.findReservation(tx, accountId);
    if (reservation === null || now.getTime() - reservation.createdAt.getTime() < reservationAgeMaxMs) {
      return reservation;
    }
    await checkoutSessions.deleteReservation(tx, reservation.idempotencyKey);
    return null;
  }

  async function create(accountId: string, reservation: Reservation): Promise<void> {
    const session = await createAtStripe(accountId, reservation).catch(async (error: unknown) => {
      // Stripe repeats a refusal under the same key for a day: after one the next try must have another. Whether a
      // call that was cut short went through is not known, so that one keeps its key.
      const isUnknown = error instanceof AppError && error.code === "STRIPE_UNAVAILABLE";
      if (!isUnknown) await checkoutSessions.deleteReservation(db, reservation.idempotencyKey);
      throw error;
    });
    await db.transaction(async (tx) => {
      await accounts.findAccountForUpdate(tx, accountId);
      // Gone: a request beside this one has stored the same session already, and it may have ended since.
      if ((await checkoutSessions.deleteReservation(tx, reservation.idempotencyKey)) === 0) return;
      await checkoutSessions.insertSession(tx, {
        sessionId: session.id,
        accountId,
        planId: reservation.planId,
        url: session.url,
        successUrl: reservation.successUrl,
        cancelUrl: reservation.cancelUrl,
        expiresAt: new Date(session.expires_at * 1000),
        now: clock.now(),
      });
    });
  }

  async function createAtStripe(accountId: string, reservation: Reservation) {
    const prices = pricesOfPlan(await planVersion(db, reservation.planId, reservation.planVersion));
    const customer = await deps.ensureCustomer(accountId);
    return stripeCall(() =>
      deps.stripe.checkout.sessions.create(
        {
          mode: "subscription",
          customer,
          client_reference_id: accountId,
          metadata: { account_id: accountId, plan_id: reservation.planId },
          subscription_data: {
            metadata: { account_id: accountId },
            ...(reservation.trialDays > 0 && { trial_period_days: reservation.trialDays }),
          },
          // Before a trial too: there is none without a card that can be charged at its end (FIELD H23).
          payment_method_collection: "always",
          line_items: [
            { price: prices.licensed, quantity: 1 },
            ...prices.metered.map((price) => ({ price })),
          ],
          success_url: reservation.successUrl,
          cancel_url: reservation.cancelUrl,
        },
        { idempotencyKey: reservation.idempotencyKey },
      ),
    );
  }

  /** Ends a session at Stripe and with us; one that turns out to be paid means that the account pays. */
  async function expire(accountId: string, { sessionId }: OpenSession): Promise<void> {
    const { sessions } = deps.stripe.checkout;
    const ended = await stripeCall(async () => {
      try {
        return await sessions.expire(sessionId);
      } catch (error) {
        // Stripe refuses where it is over already, paid or not: how it ended decides.
        const session = await sessions.retrieve(sessionId);
        if (session.status === "open") throw error;
        return session;
      }
    });
    const bought = ended.subscription;
    await checkoutSessions.updateSessionEnded(db, {
      sessionId,
      status: ended.status === "complete" ? "complete" : "expired",
      stripeSubscriptionId: typeof bought === "string" ? bought : (bought?.id ?? null),
    });
    if (ended.status === "complete") {
      await deps.syncFromStripe({ objectId: sessionId, objectType: "checkout.session" });
      throw alreadySubscribed(accountId);
    }
  }
}

/** @throws ALREADY_SUBSCRIBED where the account has bought a subscription, even if its payments fail at present. */
async function assertNotSubscribed(tx: Transaction, accountId: string): Promise<void> {
  const bought = (await subscriptions.listSubscriptions(tx, accountId)).some(({ status }) =>
    isLiveSubscription(status),
  );
  if (bought || (await checkoutSessions.isPaidAndNotSynced(tx, accountId)))
    throw alreadySubscribed(accountId);
}

const alreadySubscribed = (accountId: string): AppError =>
  new AppError(
    "ALREADY_SUBSCRIBED",
    `"${accountId}" has a paid subscription: change its plan with PATCH /billing/subscription.`,
  );
