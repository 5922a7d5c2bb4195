import { AppError } from "@driftlock/contracts";
import { periodCloses } from "@driftlock/db";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import type { CloseStep } from "./close-step.ts";
import { unlessCustomerDeleted } from "./unless-customer-deleted.ts";

const hourMs = 60 * 60 * 1000;

/**
 * Takes the draft from Stripe's own hour: it finalizes by itself a day after the period's end, should we be gone. Then
 * it waits for usage that is late.
 */
export const claimDraft: CloseStep = async ({ db, stripe, clock, latenessMs }, close, log) => {
  const invoiceId = close.invoiceId;
  if (invoiceId === null)
    throw new AppError("INTERNAL", `The close of ${close.stripeSubscriptionId} has no invoice.`);
  const invoice = await stripeCall(() => stripe.invoices.retrieve(invoiceId));
  if (invoice.status !== "draft") {
    log.error({ page: true, invoiceId, status: invoice.status }, "period-close.finalized-early");
    const mismatch = "Stripe finalized the invoice before its usage was verified";
    await periodCloses.updateCloseState(db, close, { state: "finalizing", mismatch });
    return "advanced";
  }
  // A worker that comes late still gets an hour; Stripe takes no instant in the past.
  const deadlineAt = new Date(Math.max(close.deadlineAt.getTime(), clock.now().getTime() + hourMs));
  await holdDraft(stripe, invoice, deadlineAt);
  const dueAt = new Date(close.periodEnd.getTime() + latenessMs);
  await periodCloses.updateCloseState(db, close, { state: "draining", dueAt, deadlineAt });
  return "advanced";
};

/** Keeps a draft open until an instant at which Stripe finalizes it by itself. Setting it again is the same. */
export async function holdDraft(
  stripe: Stripe,
  draft: Pick<Stripe.Invoice, "id" | "customer">,
  until: Date,
): Promise<void> {
  const automatically_finalizes_at = Math.ceil(until.getTime() / 1000);
  await unlessCustomerDeleted(stripe, draft, () =>
    stripe.invoices.update(
      draft.id,
      { auto_advance: true, automatically_finalizes_at },
      { idempotencyKey: `hold-${draft.id}-${automatically_finalizes_at}` },
    ),
  );
}
