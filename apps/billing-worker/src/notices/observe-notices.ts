import type { Metrics } from "@driftlock/runtime";

export type CountAttempt = (
  channel: "webhook" | "mail",
  outcome: "delivered" | "failed" | "given-up",
) => void;

/** Counts what became of each attempt to tell a customer something. */
export function observeNotices({ counter }: Pick<Metrics, "counter">): CountAttempt {
  const attempts = counter({
    name: "notice_attempts_total",
    help: "Attempts to send a notice: delivered, failed (it is tried again), given-up",
    labels: ["channel", "outcome"] as const,
  });
  return (channel, outcome) => attempts.inc({ channel, outcome });
}
