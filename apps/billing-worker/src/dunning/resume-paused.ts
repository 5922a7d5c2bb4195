import { type DunningCaseRow, dunningCases } from "@driftlock/db";
import { isResourceMissing, stripeCall } from "@driftlock/stripe";
import type { DunningDeps } from "./dunning-step.ts";
import { resync } from "./resync.ts";

/**
 * Takes back the pause of an invoice that was paid after all: its subscription goes on in the cycle that it had, and what
 * was paused is not billed. Looks first, so that one that broke off is simply done again.
 */
export async function resumePaused(
  deps: DunningDeps,
  { invoiceId, stripeSubscriptionId }: DunningCaseRow,
): Promise<void> {
  const { db, stripe } = deps;
  if (stripeSubscriptionId !== null) {
    try {
      const { status } = await stripeCall(() => stripe.subscriptions.retrieve(stripeSubscriptionId));
      if (status === "paused")
        await stripeCall(() =>
          stripe.subscriptions.resume(
            stripeSubscriptionId,
            { billing_cycle_anchor: { type: "unchanged" }, proration_behavior: "none" },
            { idempotencyKey: `dunning-resume-${invoiceId}` },
          ),
        );
    } catch (error) {
      if (!isResourceMissing(error)) throw error;
    }
    await resync(deps, { objectId: stripeSubscriptionId, objectType: "subscription" });
  }
  await dunningCases.updateCaseIdle(db, invoiceId);
}
