import { isAwaitingUsage, nextDueAt as nextBillingDueAt, runDue as runBillingDue } from "./billing/engine.ts";
import { expireSessions, nextSessionExpiryAt } from "./checkout/expire.ts";
import type { DueWork } from "./clock/clock.ts";
import type { SimContext } from "./context.ts";

/** All work that time brings: the billing engine's, and Checkout Sessions that expire. */
export const dueWork: DueWork = {
  nextDueAt(ctx) {
    const instants = [nextBillingDueAt(ctx), nextSessionExpiryAt(ctx)].filter((each) => each !== null);
    return instants.length === 0 ? null : Math.min(...instants);
  },
  runDue(ctx) {
    expireSessions(ctx);
    runBillingDue(ctx);
  },
  // Without an endpoint that is told of drafts, nobody can report in time: there is nothing to wait for.
  isAwaitingUsage: (ctx) => hears(ctx, "invoice.created") && isAwaitingUsage(ctx),
};

const hears = (ctx: SimContext, type: string): boolean =>
  ctx.store
    .list("webhook_endpoint")
    .some(
      ({ status, enabled_events }) =>
        status === "enabled" && (enabled_events.includes(type) || enabled_events.includes("*")),
    );
