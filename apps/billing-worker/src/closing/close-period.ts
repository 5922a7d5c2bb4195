import { type CloseKey, type CloseState, periodCloses } from "@driftlock/db";
import type { JobContext } from "@driftlock/runtime/queue";
import { claimDraft } from "./claim-draft.ts";
import type { CloseDeps, CloseStep } from "./close-step.ts";
import { drainStream } from "./drain-stream.ts";
import { endClose } from "./end-close.ts";
import { freezeUsage } from "./freeze-usage.ts";
import { verifyUsage } from "./verify-usage.ts";

/** DESIGN 6, in the order of a close. */
const steps: Readonly<Record<Exclude<CloseState, "closed">, CloseStep>> = {
  claimed: claimDraft,
  draining: drainStream,
  reporting: freezeUsage,
  verifying: verifyUsage,
  finalizing: endClose,
};

export type ClosePeriod = (key: CloseKey, context: Pick<JobContext, "log" | "signal">) => Promise<void>;

/**
 * Takes a close as far as it goes now. Every step is found again by the row's state and may be repeated, so a process
 * that dies anywhere in it is followed by another that goes on.
 */
export function createClosePeriod(deps: CloseDeps): ClosePeriod {
  return async (key, { log, signal }) => {
    for (;;) {
      signal.throwIfAborted();
      const close = await periodCloses.findClose(deps.db, key);
      if (close === null || close.state === "closed" || close.dueAt > deps.clock.now()) return;
      if ((await steps[close.state](deps, close, log)) === "waiting") return;
      log.info({ ...key, accountId: close.accountId, from: close.state }, "period-close.advanced");
    }
  };
}
