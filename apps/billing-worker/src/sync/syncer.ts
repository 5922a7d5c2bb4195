import { AppError } from "@driftlock/contracts";
import type { catalog, stripeObjects, Transaction } from "@driftlock/db";
import type { Logger } from "@driftlock/runtime";
import type { Stripe } from "@driftlock/stripe";
import type { DunningMode } from "../dunning/follow-invoice.ts";

/** What one kind of Stripe object is fetched with, and what its present state does here. */
export type Syncer = (stripe: Stripe, objectId: string) => Promise<FetchedObject>;

export interface FetchedObject {
  /** Whose it is; null where Stripe does not say (any more). */
  stripeCustomerId: string | null;
  /** Runs in the one transaction of the sync; holds no effect outside of it, since it may be repeated. */
  apply(tx: Transaction, context: ApplyContext): Promise<ApplyOutcome>;
}

export interface ApplyContext {
  /** Business time. */
  now: Date;
  /** The version of what is applied: a row that carries a higher one is newer. */
  fetchSequence: number;
  plans: readonly catalog.PlanRow[];
  dunningMode: DunningMode;
  log: Logger;
  /** Says that another object changed too; it is synced after the commit. */
  markDirty(object: stripeObjects.StripeObjectRef): void;
}

export type ApplyOutcome =
  | { outcome: "applied"; accountId: string; isDeleted?: boolean }
  /** Nothing of ours: its events are recorded as ignored, with the reason. */
  | { outcome: "ignored"; reason: string; isDeleted?: boolean };

export const ignored = (reason: string): ApplyOutcome => ({ outcome: "ignored", reason });

/** The id of a field that may be expanded. */
export const idOf = (field: string | { id: string } | null | undefined): string | null =>
  typeof field === "string" ? field : (field?.id ?? null);

/**
 * Stripe's unix seconds. @throws INVALID where they are none: a field that moved to another object in another version of
 * Stripe's API must not become a row (FIELD H19); the object is set aside with this as its reason.
 */
export function instantOf(seconds: number): Date {
  if (Number.isSafeInteger(seconds)) return new Date(seconds * 1000);
  throw new AppError(
    "INVALID",
    `Stripe's object has ${seconds} where an instant is read; is it of our version?`,
  );
}
export const instantOrNull = (seconds: number | null | undefined): Date | null =>
  typeof seconds === "number" ? instantOf(seconds) : null;
