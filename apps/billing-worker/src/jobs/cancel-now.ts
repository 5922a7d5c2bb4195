import { cancelNow } from "@driftlock/contracts";
import type { Db } from "@driftlock/db";
import { type Clock, processor } from "@driftlock/runtime";
import type { ClosePeriod } from "../closing/close-period.ts";
import { openCancelClose } from "../closing/open-cancel-close.ts";
import type { PushLimits } from "../periods/push-limits.ts";

interface Deps {
  db: Db;
  clock: Clock;
  pushLimits: PushLimits;
  close: ClosePeriod;
}

/** Ends a subscription now: its usage is billed up to here first. What it leaves open, the ticker of closes takes on. */
export const cancelNowProcessor = ({ db, clock, pushLimits, close }: Deps) =>
  processor(cancelNow, async ({ stripeSubscriptionId, cancelAt }, context) => {
    const opened = await db.transaction((tx) =>
      openCancelClose(tx, { stripeSubscriptionId, cancelAt: new Date(cancelAt), now: clock.now() }),
    );
    if (opened === null) return;
    await pushLimits({ accountId: opened.accountId });
    await close(opened, context);
  });
