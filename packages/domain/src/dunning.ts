import type { DeclineAction } from "./decline-codes.ts";

/** Days after the first failure on which the payment is tried again. After the last of them the final step is due. */
export const retryOnDays = [1, 3, 5, 7] as const;

export const dunningFinalSteps = ["cancel", "pause", "downgrade-to-free"] as const;
export type DunningFinalStep = (typeof dunningFinalSteps)[number];

export interface DunningStep {
  readonly kind: "retry" | "final";
  readonly at: Date;
}

export interface DunningStory {
  readonly firstFailedAt: Date;
  /** The latest try, the first failure included. */
  readonly lastTriedAt: Date;
  /** What the latest decline asks for. */
  readonly action: DeclineAction;
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * What comes next for an invoice whose payment failed. Days that were missed are not made up for: a card is never tried
 * twice in a row because we were away. Where only the customer can help, there are no tries but the same end.
 */
export function nextDunningStep({ firstFailedAt, lastTriedAt, action }: DunningStory): DunningStep {
  if (action === "give_up") return { kind: "final", at: lastTriedAt };
  const days = retryOnDays.map((day) => new Date(firstFailedAt.getTime() + day * dayMs));
  const last = days.at(-1) ?? firstFailedAt;
  const next = days.find((day) => day > lastTriedAt);
  if (action === "retry" && next !== undefined) return { kind: "retry", at: next };
  return { kind: "final", at: last > lastTriedAt ? last : lastTriedAt };
}
