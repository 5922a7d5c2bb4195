import type { SimContext } from "../context.ts";
import { advanceInvoice, invoiceDueAt } from "./advance-invoice.ts";
import { advanceSubscription, subscriptionDueAt } from "./advance-subscription.ts";
import { isUsageLine } from "./invoice-draft.ts";

/** When time next changes a subscription or an invoice (unix seconds); in the past where work has piled up. */
export function nextDueAt(ctx: SimContext): number | null {
  const next = nextStep(ctx);
  return next === null ? null : next.at;
}

/** Does all work due by now, oldest first; at one instant subscriptions come before invoices. */
export function runDue(ctx: SimContext): void {
  for (let step = nextStep(ctx); step !== null && step.at <= ctx.now(); step = nextStep(ctx)) step.run();
}

/** Whether a draft that will finalize by itself waits for its usage to be reported. */
export function isAwaitingUsage(ctx: SimContext): boolean {
  return ctx.store
    .list("invoice")
    .some(
      (invoice) =>
        invoice.status === "draft" &&
        invoice.auto_advance === true &&
        invoice.lines.data.some((line) => isUsageLine(ctx, line)),
    );
}

interface Step {
  at: number;
  run(): void;
}

function nextStep(ctx: SimContext): Step | null {
  let first: Step | null = null;
  const offer = (at: number | null, run: () => void): void => {
    if (at !== null && (first === null || at < first.at)) first = { at, run };
  };
  for (const subscription of ctx.store.list("subscription")) {
    offer(subscriptionDueAt(ctx, subscription), () => advanceSubscription(ctx, subscription.id));
  }
  for (const invoice of ctx.store.list("invoice"))
    offer(invoiceDueAt(invoice), () => advanceInvoice(ctx, invoice.id));
  return first;
}
