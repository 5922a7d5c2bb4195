import { AppError, type ChangePreviewDto, toPeriodDto } from "@driftlock/contracts";
import type { Db } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { changeInstantSeconds } from "./change-plan.ts";
import { currentPlan, type PlanRow, pricesOf } from "./plan-catalog.ts";
import { requireAccount } from "./require-account.ts";
import type { SettleUsage } from "./settle-usage.ts";
import {
  billsByUse,
  itemChanges,
  type PresentSubscription,
  readPresentSubscription,
} from "./stripe-subscription.ts";

interface Deps {
  db: Db;
  stripe: Stripe;
  clock: Clock;
  settleUsage: SettleUsage;
}

type Details = Stripe.InvoiceCreatePreviewParams.SubscriptionDetails;

const instant = (unixSeconds: number): Date => new Date(unixSeconds * 1000);

/**
 * The invoice that a change of plan would lead to, by Stripe's own arithmetic: the one charged at once for an upgrade,
 * the next renewal for a downgrade, the last one for a change to Free. Nothing is changed.
 * @throws UNKNOWN_PLAN, NO_SUBSCRIPTION, SAME_PLAN.
 */
export const createPreviewChange =
  ({ db, stripe, clock, settleUsage }: Deps) =>
  async (accountId: string, planId: string): Promise<ChangePreviewDto> => {
    const plan = await currentPlan(db, planId);
    await requireAccount(db, accountId);
    const present = await readPresentSubscription({ q: db, stripe }, accountId);
    if (plan.planId === present.plan.planId) {
      throw new AppError("SAME_PLAN", `The account is on "${plan.planId}" already.`);
    }
    // As best it can: where usage is late, the preview is without it.
    if (billsByUse(present)) await settleUsage(accountId);
    const changedAt = changeInstantSeconds(present, clock);
    const isAtOnce = plan.rank > present.plan.rank;
    const effectiveAt = instant(isAtOnce ? changedAt : present.item.current_period_end).toISOString();
    const invoice = await nextInvoice(stripe, present, detailsOf(present, plan, changedAt));
    if (invoice === null)
      return { amountDueMinor: 0, currency: present.stripe.currency, lines: [], effectiveAt };
    return {
      amountDueMinor: invoice.amount_due,
      currency: invoice.currency,
      lines: invoice.lines.data.map(({ description, amount, period }) => ({
        description,
        amountMinor: amount,
        period: toPeriodDto({ start: instant(period.start), end: instant(period.end) }),
      })),
      effectiveAt,
    };
  };

function detailsOf(present: PresentSubscription, plan: PlanRow, changedAt: number): Details {
  if (plan.priceAmountMinor === 0) return { cancel_at_period_end: true };
  const items = itemChanges(present, pricesOf(plan));
  return plan.rank > present.plan.rank
    ? { items, proration_behavior: "always_invoice", proration_date: changedAt }
    : { items, proration_behavior: "none" };
}

/** Null where nothing is left to be invoiced. */
async function nextInvoice(
  stripe: Stripe,
  present: PresentSubscription,
  details: Details,
): Promise<Stripe.Invoice | null> {
  return stripeCall(async () => {
    try {
      return await stripe.invoices.createPreview({ subscription: present.id, subscription_details: details });
    } catch (error) {
      if ((error as { code?: string }).code === "invoice_upcoming_none") return null;
      throw error;
    }
  });
}
