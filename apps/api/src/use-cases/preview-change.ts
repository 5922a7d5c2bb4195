import { AppError, type ChangePreviewDto, toPeriodDto } from "@driftlock/contracts";
import { catalog, type Db, subscriptions } from "@driftlock/db";
import {
  billsByUse,
  decidePlanChange,
  type PresentSubscription,
  presentSubscription,
  previewParams,
  upgradeSecond,
} from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { changeableSubscription } from "./account-standing.ts";
import { currentPlan, type PlanRow } from "./plan-catalog.ts";
import { requireAccount } from "./require-account.ts";
import type { SettleUsage } from "./settle-usage.ts";

interface Deps {
  db: Db;
  stripe: Stripe;
  clock: Clock;
  settleUsage: SettleUsage;
}

type Present = PresentSubscription<PlanRow>;
type Details = Stripe.InvoiceCreatePreviewParams.SubscriptionDetails;

const instant = (unixSeconds: number): Date => new Date(unixSeconds * 1000);

/**
 * The invoice that a change of plan would lead to, by Stripe's own arithmetic and with the parameters of the change
 * itself: the one charged at once for an upgrade, the next renewal for a downgrade, the last one for a change to Free.
 * Nothing is changed.
 * @throws UNKNOWN_PLAN, NO_SUBSCRIPTION, SUBSCRIPTION_NOT_ACTIVE, SAME_PLAN, ALREADY_CANCELED.
 */
export const createPreviewChange =
  ({ db, stripe, clock, settleUsage }: Deps) =>
  async (accountId: string, planId: string): Promise<ChangePreviewDto> => {
    const plan = await currentPlan(db, planId);
    await requireAccount(db, accountId);
    const present = await readPresent({ db, stripe }, accountId);
    const decision = decidePlanChange(present, { kind: "change", plan });
    if (decision.outcome === "refused") throw new AppError(decision.code, decision.detail);
    // As best it can: where usage is late, the preview is without it.
    if (billsByUse(present.plan)) await settleUsage(accountId);
    const atSeconds = upgradeSecond(present, clock.now()) ?? present.periodEndSeconds;
    const effectiveAt = instant(decision.kind === "upgrade" ? atSeconds : present.periodEndSeconds);
    const invoice = await nextInvoice(stripe, present, previewParams(present, decision, atSeconds));
    return {
      amountDueMinor: invoice?.amount_due ?? 0,
      currency: invoice?.currency ?? plan.currency,
      lines: (invoice?.lines.data ?? []).map(({ description, amount, period }) => ({
        description,
        amountMinor: amount,
        period: toPeriodDto({ start: instant(period.start), end: instant(period.end) }),
      })),
      effectiveAt: effectiveAt.toISOString(),
    };
  };

async function readPresent({ db, stripe }: Pick<Deps, "db" | "stripe">, accountId: string): Promise<Present> {
  const plans = await catalog.listPlans(db);
  const live = changeableSubscription(plans, await subscriptions.listSubscriptions(db, accountId));
  const present =
    live === null
      ? null
      : presentSubscription(
          plans,
          await stripeCall(() =>
            stripe.subscriptions.retrieve(live.stripeSubscriptionId, { expand: ["schedule"] }),
          ),
        );
  if (present !== null) return present;
  throw new AppError(
    "NO_SUBSCRIPTION",
    `"${accountId}" has no paid subscription: begin one with POST /billing/checkout.`,
  );
}

/** Null where nothing is left to be invoiced. */
async function nextInvoice(
  stripe: Stripe,
  present: Present,
  details: Details,
): Promise<Stripe.Invoice | null> {
  return stripeCall(async () => {
    try {
      return await stripe.invoices.createPreview({
        subscription: present.subscriptionId,
        subscription_details: details,
      });
    } catch (error) {
      if ((error as { code?: string }).code === "invoice_upcoming_none") return null;
      throw error;
    }
  });
}
