import type { PlanId } from "./ids.ts";
import type { Aggregation, OveragePolicy } from "./plan.ts";

/** DESIGN 2.3: the largest quantity of an event and the largest total of a period; Stripe takes 15 digits. */
export const quantityMax = 999_999_999_999_999;
export const eventIdCodePointsMax = 128;
export const eventAgeMaxMs = 35 * 24 * 60 * 60 * 1000;
export const eventAheadMaxMs = 5 * 60 * 1000;
export const batchEventsMax = 10_000;
export const batchBytesMax = 8 * 1024 * 1024;
export const propertiesKeysMax = 20;
export const propertiesBytesMax = 2048;

/** One valid usage event, with defaults applied. Instants are business time in unix milliseconds. */
export interface UsageEvent {
  readonly id: string;
  readonly accountId: string;
  readonly metric: string;
  readonly quantity: number;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** Canonical JSON (keys sorted) of an object of scalars; null where there are none. */
  readonly propertiesJson: string | null;
}

/** Why an item of a batch was not accepted (DESIGN 2.3). */
export const usageOutcomes = [
  "duplicate",
  "conflict",
  "quota-exceeded",
  "invalid",
  "unknown-metric",
  "unknown-account",
  "period-closed",
] as const;
export type UsageOutcome = (typeof usageOutcomes)[number];

/**
 * The limits of an account as they lie beside its live counters in Redis (DESIGN 4.3). Written through an outbox;
 * an older `version` never replaces a newer one. Past `validUntilMs` (business time) they are read again first.
 */
export interface AccountLimits {
  readonly accountId: string;
  readonly version: number;
  readonly validUntilMs: number;
  /** Newest last, half open, reaching back over the 35 days that an event may be old. */
  readonly segments: readonly LimitSegment[];
}

export interface LimitSegment {
  readonly startMs: number;
  readonly endMs: number;
  /** Whether the period is closed; what that means for an event, its metric says. */
  readonly isClosed: boolean;
  readonly planId: PlanId;
  /** Every metric of the plan; a metric that is missing here is refused. `limit` null is unlimited. */
  readonly metrics: Readonly<Record<string, MetricLimit>>;
}

export interface MetricLimit {
  readonly limit: number | null;
  readonly policy: OveragePolicy;
  readonly aggregation: Aggregation;
  /** A total past which everything is refused though the policy bills it (a spend cap); null where there is none. */
  readonly hardLimit: number | null;
  /** For `unique`: the property that holds an event's value. Null for every other aggregation. */
  readonly uniqueProperty: string | null;
  /** Whether its events are refused as `period-closed`; a closed period's billed metrics may go on to take them. */
  readonly isClosed: boolean;
}

/** The aggregations whose value follows from the value before and the event; `unique` needs what was seen as well. */
export type LiveAggregation = Exclude<Aggregation, "unique">;

/**
 * The value that an event has for a `unique` metric, as text: a string, an integer or a boolean, so that Redis, Postgres
 * and we tell the same ones apart. Null where it has none.
 */
export function uniqueValueOf(properties: unknown, property: string): string | null {
  if (typeof properties !== "object" || properties === null || !Object.hasOwn(properties, property))
    return null;
  const value: unknown = (properties as Record<string, unknown>)[property];
  const isValue = typeof value === "string" || typeof value === "boolean" || Number.isSafeInteger(value);
  return isValue ? String(value) : null;
}
