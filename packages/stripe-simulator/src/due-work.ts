import { isAwaitingUsage, nextDueAt as nextBillingDueAt, runDue as runBillingDue } from "./billing/engine.ts";
import { expireSessions, nextSessionExpiryAt } from "./checkout/expire.ts";
import type { DueWork } from "./clock/clock.ts";

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
  isAwaitingUsage,
};
