import type { SimContext } from "../context.ts";
import { advanceInvoice, invoiceDueAt } from "./advance-invoice.ts";
import { advanceSubscription, subscriptionDueAt } from "./advance-subscription.ts";
import { isUsageLine } from "./invoice-draft.ts";

/** When time next changes a subscription or an invoice (unix seconds); in the past where work has piled up. */
export function nextDueAt(ctx: SimContext): number | null {
  let first: number | null = null;
  for (const subscription of ctx.store.list("subscription"))
    first = earlier(first, subscriptionDueAt(ctx, subscription));
  for (const invoice of ctx.store.list("invoice")) first = earlier(first, invoiceDueAt(invoice));
  return first;
}

/** Does all work due by now, oldest first; at one instant subscriptions come before invoices. */
export function runDue(ctx: SimContext): void {
  for (let steps = dueSteps(ctx); steps.length > 0; steps = dueSteps(ctx)) for (const { run } of steps) run();
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

/** Every step that is due; one that another step has made needless by its turn is passed over. */
function dueSteps(ctx: SimContext): Step[] {
  const { store } = ctx;
  const now = ctx.now();
  const isDue = (at: number | null): at is number => at !== null && at <= now;
  const subscriptions = store.list("subscription").flatMap(({ id }): Step[] => {
    const dueAt = () => subscriptionDueAt(ctx, store.getOrThrow("subscription", id));
    const at = dueAt();
    return isDue(at) ? [{ at, run: () => isDue(dueAt()) && advanceSubscription(ctx, id) }] : [];
  });
  const invoices = store.list("invoice").flatMap(({ id }): Step[] => {
    const dueAt = () => invoiceDueAt(store.getOrThrow("invoice", id));
    const at = dueAt();
    return isDue(at) ? [{ at, run: () => isDue(dueAt()) && advanceInvoice(ctx, id) }] : [];
  });
  return [...subscriptions, ...invoices].sort((a, b) => a.at - b.at);
}

const earlier = (a: number | null, b: number | null): number | null =>
  a === null || (b !== null && b < a) ? b : a;
