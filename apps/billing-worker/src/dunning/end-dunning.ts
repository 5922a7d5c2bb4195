import { dunningCases } from "@driftlock/db";
import type { DunningFinalStep } from "@driftlock/domain";
import { isResourceMissing, type Stripe, stripeCall } from "@driftlock/stripe";
import type { DueCase, DunningDeps } from "./dunning-step.ts";
import { resync } from "./resync.ts";
import { tellUncollectible } from "./tell-invoice.ts";

/** What each last step does to the subscription, and whether what is open is written off. */
const finalSteps: Readonly<
  Record<DunningFinalStep, { subscription: "cancel" | "pause"; isWrittenOff: boolean }>
> = {
  cancel: { subscription: "cancel", isWrittenOff: false },
  pause: { subscription: "pause", isWrittenOff: true },
  "downgrade-to-free": { subscription: "cancel", isWrittenOff: true },
};

/** The last step. Each call looks first, so that one that broke off is simply done again. */
export async function endDunning(deps: DunningDeps, { dunning, mirrored }: DueCase): Promise<void> {
  const { db, stripe, clock } = deps;
  const { invoiceId, stripeSubscriptionId } = dunning;
  // Begun under another configuration, it is ended as it was begun.
  const finalStep = dunning.finalStep ?? deps.finalStep;
  const { subscription, isWrittenOff } = finalSteps[finalStep];
  await dunningCases.updateCaseGivingUp(db, { invoiceId, finalStep });
  // The subscription first: an invoice that is written off would make it active again.
  if (stripeSubscriptionId !== null) {
    await (subscription === "cancel" ? cancel : pause)(stripe, stripeSubscriptionId);
    await resync(deps, { objectId: stripeSubscriptionId, objectType: "subscription" });
  }
  if (isWrittenOff)
    await stripeCall(() =>
      stripe.invoices.markUncollectible(invoiceId, {}, { idempotencyKey: `dunning-write-off-${invoiceId}` }),
    );
  const now = clock.now();
  await db.transaction(async (tx) => {
    if ((await dunningCases.updateCaseSettled(tx, { invoiceId, state: "gave_up", now })) === 0) return;
    await tellUncollectible(tx, mirrored, now);
  });
  await resync(deps, { objectId: invoiceId, objectType: "invoice" });
}

/** Without a last invoice: who did not pay for the month that was is not billed for the days since. */
async function cancel(stripe: Stripe, subscriptionId: string): Promise<void> {
  try {
    await stripeCall(() =>
      stripe.subscriptions.cancel(
        subscriptionId,
        { invoice_now: false, prorate: false },
        { idempotencyKey: `dunning-cancel-${subscriptionId}` },
      ),
    );
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
  }
}

async function pause(stripe: Stripe, subscriptionId: string): Promise<void> {
  const { status } = await stripeCall(() => stripe.subscriptions.retrieve(subscriptionId));
  if (status === "paused" || status === "canceled") return;
  await stripeCall(() =>
    stripe.subscriptions.pause(
      subscriptionId,
      {
        type: "subscription",
        bill_for: { unused_time_from: { type: "none" }, outstanding_usage_through: { type: "none" } },
      },
      { idempotencyKey: `dunning-pause-${subscriptionId}-${status}` },
    ),
  );
}
