import { createHash } from "node:crypto";
import { addToUsageDigest, usageDigestHex, usageDigestScheme, usageDigestText } from "@driftlock/contracts";
import { DriftLockError } from "./errors.ts";

/** An event as it was sent; one without a timestamp is known by nobody but the gateway to lie in a period. */
export interface SentUsage {
  id: string;
  metric: string;
  quantity?: number | undefined;
  timestamp?: string | undefined;
}

export interface UsageDigestOptions {
  accountId: string;
  metric: string;
  /** Half open; events outside of it are left out. (Default: every event that is given) */
  period?: { start: string; end: string };
}

export interface UsageDigestResult {
  scheme: typeof usageDigestScheme;
  digest: string;
  eventCount: number;
  /** Of all events together. */
  quantity: number;
}

export interface UsageDigest {
  /**
   * Takes an event, in any order, each id once. @returns whether it is one of the metric and the period.
   * @throws DriftLockError INVALID_EVENT for one without a timestamp where a period is asked for.
   */
  add(event: SentUsage): boolean;
  result(): UsageDigestResult;
}

/**
 * The digest of a period's events as their producer knows them, to be compared with the one beside an invoice's line
 * (`GET /billing/invoices/{id}/explain`): equal, both sides have the same events with the same quantities.
 */
export function createUsageDigest({ accountId, metric, period }: UsageDigestOptions): UsageDigest {
  const [startMs, endMs] = period
    ? [Date.parse(period.start), Date.parse(period.end)]
    : [-Infinity, Infinity];
  let sum = 0n;
  let eventCount = 0;
  let total = 0;
  return {
    add: (event) => {
      const { id, quantity = 1 } = event;
      if (event.metric !== metric || !isWithin(event)) return false;
      const text = usageDigestText({ accountId, metric, quantity, id });
      sum = addToUsageDigest(sum, createHash("sha256").update(text).digest("hex"));
      eventCount += 1;
      total += quantity;
      return true;
    },
    result: () => ({ scheme: usageDigestScheme, digest: usageDigestHex(sum), eventCount, quantity: total }),
  };

  function isWithin({ id, timestamp }: SentUsage): boolean {
    if (period === undefined) return true;
    if (timestamp === undefined)
      throw new DriftLockError("INVALID_EVENT", `The event ${id} has no timestamp: its period is not known.`);
    const atMs = Date.parse(timestamp);
    return startMs <= atMs && atMs < endMs;
  }
}
