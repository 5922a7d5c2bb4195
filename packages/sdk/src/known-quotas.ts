import type { QuotaCheckBody, QuotaItemDto } from "@driftlock/contracts";

const entriesMax = 10_000;

interface KnownQuota {
  limit: number | null;
  remaining: number | null;
  resetsAtMs: number;
  /** What is beyond the limit was allowed: it is billed. */
  isExceedable: boolean;
}

type Item = QuotaCheckBody["items"][number];
type Check = Pick<QuotaCheckBody, "accountId" | "consume"> & { items: readonly Item[] };

/** What the gateway last said of the 10,000 pairs of account and metric that were asked for most recently. */
export function createKnownQuotas() {
  const known = new Map<string, KnownQuota>();
  const keyOf = (accountId: string | undefined, metric: string) => `${accountId ?? ""}\n${metric}`;

  function put(key: string, quota: KnownQuota): void {
    known.delete(key);
    known.set(key, quota);
    const oldest = known.keys().next().value;
    if (known.size > entriesMax && oldest !== undefined) known.delete(oldest);
  }

  return {
    learn: (check: Check, answers: readonly QuotaItemDto[]): void => {
      for (const [index, { metric, allowed, limit, remaining, resetsAt }] of answers.entries()) {
        const asked = check.items[index]?.quantity ?? 0;
        const isExceedable = !check.consume && allowed && remaining !== null && asked > remaining;
        const quota = { limit, remaining, resetsAtMs: Date.parse(resetsAt), isExceedable };
        put(keyOf(check.accountId, metric), quota);
      }
    },

    /**
     * All or none, by what is left of what was known; past the reset that is the whole limit. What was never asked for
     * is not allowed. With `consume` it is counted here, so that the same is not allowed twice.
     */
    decide: (check: Check, nowMs: number): boolean => {
      const after = new Map<string, KnownQuota>();
      for (const { metric, quantity } of check.items) {
        const key = keyOf(check.accountId, metric);
        const quota = after.get(key) ?? known.get(key);
        if (quota === undefined) return false;
        const remaining = nowMs >= quota.resetsAtMs ? quota.limit : quota.remaining;
        if (remaining !== null && quantity > remaining && !quota.isExceedable) return false;
        const left = remaining === null ? null : Math.max(0, remaining - quantity);
        // The next reset is not known: past the first, the limit is given out once, until the gateway answers again.
        const resetsAtMs = nowMs >= quota.resetsAtMs ? Number.POSITIVE_INFINITY : quota.resetsAtMs;
        after.set(key, { ...quota, remaining: left, resetsAtMs });
      }
      if (check.consume) for (const [key, quota] of after) put(key, quota);
      return true;
    },
  };
}
