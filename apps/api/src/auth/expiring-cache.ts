/** A bounded map whose entries are forgotten after a while; the oldest goes first. Wall time. */
export interface ExpiringCache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  clear(): void;
}

/** @param wallNow unix milliseconds */
export function createExpiringCache<Value>(options: {
  entriesMax: number;
  ttlMs: number;
  wallNow: () => number;
}): ExpiringCache<Value> {
  const entries = new Map<string, { value: Value; expiresAtMs: number }>();
  return {
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry.expiresAtMs > options.wallNow()) return entry.value;
      entries.delete(key);
      return undefined;
    },
    set: (key, value) => {
      entries.delete(key);
      entries.set(key, { value, expiresAtMs: options.wallNow() + options.ttlMs });
      if (entries.size <= options.entriesMax) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
    clear: () => entries.clear(),
  };
}
