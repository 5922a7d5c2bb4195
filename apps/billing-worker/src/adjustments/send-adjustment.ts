import { AppError } from "@driftlock/contracts";
import { type AdjustmentRow, type Db, usageAdjustments } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { JobContext, Producer } from "@driftlock/runtime/queue";
import { isCustomerDeleted, type Stripe, stripeCall } from "@driftlock/stripe";
import { resync } from "../dunning/resync.ts";
import { putOnOwnInvoice } from "./own-invoice.ts";
import { putOnSubscription, takeBackItem } from "./subscription-item.ts";

export interface AdjustmentDeps {
  db: Db;
  stripe: Stripe;
  /** Business time. */
  clock: Clock;
  wallClock: Clock;
  producer: Producer;
}

export type SendAdjustment = (adjustmentId: string, context: Pick<JobContext, "log">) => Promise<void>;

const openStates: ReadonlySet<AdjustmentRow["state"]> = new Set(["pending", "sending", "sent"]);
const backoffMsMin = 1_000;
const backoffMsMax = 60_000;
/**
 * What Stripe refuses is told to a person, and tried again all the same: the reason can be mended over there. A deleted
 * customer cannot: whether its money is waived is the person's to decide.
 */
const refusedRetryMs = 15 * 60_000;

/**
 * Brings one adjustment to Stripe: an item on the subscription's next invoice or, where that has ended, an invoice of
 * its own. Where it goes is written before the first call, and each call is made again under its own idempotency key, so
 * a process that dies anywhere in it is followed by another that goes on.
 */
export function createSendAdjustment(deps: AdjustmentDeps): SendAdjustment {
  return async (adjustmentId, { log }) => {
    const row = await usageAdjustments.findAdjustment(deps.db, adjustmentId);
    if (row === null || !openStates.has(row.state)) return;
    const fields = { adjustmentId, accountId: row.accountId, amountMinor: row.amountMinor };
    try {
      await send(deps, row);
      log.info({ ...fields, from: row.state }, "usage.adjustment-advanced");
    } catch (error) {
      if (!isOfStripe(error)) throw error;
      const isTransient = error.code === "STRIPE_UNAVAILABLE";
      if (!isTransient && (await isCustomerDeleted(deps.stripe, row.stripeCustomerId))) {
        log.error({ ...fields, page: true, err: error }, "usage.adjustment-in-review");
        await usageAdjustments.updateAdjustmentInReview(deps.db, { adjustmentId, error: error.message });
        return;
      }
      const level = isTransient ? "warn" : "error";
      log[level]({ ...fields, page: !isTransient, err: error }, "usage.adjustment-postponed");
      const backoffMs = Math.min(backoffMsMin * 2 ** Math.min(row.attempts, 10), backoffMsMax);
      const delayMs = isTransient ? backoffMs : refusedRetryMs;
      await usageAdjustments.updateAdjustmentRetry(deps.db, { adjustmentId, error: error.message, delayMs });
    }
  };
}

const isOfStripe = (error: unknown): error is AppError =>
  error instanceof AppError && error.code !== "UNAVAILABLE";

async function send(deps: AdjustmentDeps, row: AdjustmentRow): Promise<void> {
  switch (row.state) {
    case "pending":
      return goOn(deps, await route(deps, row));
    case "sending":
      return goOn(deps, row);
    default:
      return redirect(deps, row);
  }
}

async function route(deps: AdjustmentDeps, row: AdjustmentRow): Promise<AdjustmentRow | null> {
  const { adjustmentId } = row;
  const isEnded = await hasEnded(deps.stripe, row.stripeSubscriptionId);
  const billedOn = isEnded ? "own-invoice" : "subscription";
  await usageAdjustments.updateAdjustmentRoute(deps.db, { adjustmentId, billedOn, now: deps.clock.now() });
  return usageAdjustments.findAdjustment(deps.db, adjustmentId);
}

async function goOn(deps: AdjustmentDeps, row: AdjustmentRow | null): Promise<void> {
  if (row?.state !== "sending") return;
  if (row.billedOn === "own-invoice") return putOnOwnInvoice(deps, row);
  try {
    await putOnSubscription(deps, row);
  } catch (error) {
    // It may have ended since.
    const isRefused = error instanceof AppError && ["INTERNAL", "NOT_FOUND"].includes(error.code);
    if (!isRefused || !(await hasEnded(deps.stripe, row.stripeSubscriptionId))) throw error;
    await goOn(deps, await route(deps, row));
  }
}

/** An item that waits for the next invoice of a subscription which has ended by now: there may be none. */
async function redirect(deps: AdjustmentDeps, row: AdjustmentRow): Promise<void> {
  const { adjustmentId, stripeInvoiceItemId } = row;
  if (stripeInvoiceItemId === null || !(await hasEnded(deps.stripe, row.stripeSubscriptionId))) return;
  const stripeInvoiceId = await takeBackItem(deps.stripe, stripeInvoiceItemId);
  if (stripeInvoiceId === null) return goOn(deps, await route(deps, row));
  await usageAdjustments.updateAdjustmentInvoice(deps.db, { adjustmentId, stripeInvoiceId });
  await resync(deps, { objectId: stripeInvoiceId, objectType: "invoice" });
}

async function hasEnded(stripe: Stripe, stripeSubscriptionId: string): Promise<boolean> {
  const { status } = await stripeCall(() => stripe.subscriptions.retrieve(stripeSubscriptionId));
  return status === "canceled" || status === "incomplete_expired";
}
