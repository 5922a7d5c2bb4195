import type { ResolvedLimits } from "@driftlock/redis";

export interface LimitsCache {
  /** Null where they are not known, or past their end. */
  find(accountId: string, nowMs: number): ResolvedLimits | null;
  put(resolved: ResolvedLimits): void;
  forget(accountId: string): void;
}

/**
 * The limits of the accounts that were asked for last, at least half of `accountsMax` of them. Two halves instead of an
 * order of use: a look-up moves nothing, and the half that was not asked for goes as a whole.
 */
export function createLimitsCache(accountsMax: number): LimitsCache {
  let recent = new Map<string, ResolvedLimits>();
  let older = new Map<string, ResolvedLimits>();

  function put(resolved: ResolvedLimits): void {
    if (recent.size >= accountsMax / 2) {
      older = recent;
      recent = new Map();
    }
    recent.set(resolved.limits.accountId, resolved);
  }

  return {
    put,
    find: (accountId, nowMs) => {
      let resolved = recent.get(accountId);
      if (resolved === undefined) {
        resolved = older.get(accountId);
        if (resolved === undefined) return null;
        put(resolved);
      }
      return nowMs < resolved.limits.validUntilMs ? resolved : null;
    },
    forget: (accountId) => {
      recent.delete(accountId);
      older.delete(accountId);
    },
  };
}
