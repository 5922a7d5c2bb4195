/** What of a tab's storage the key needs. */
type KeyStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const storageKey = "driftlock.operatorKey";

/**
 * The operator's key, kept for this tab alone and gone with it: never in an address, never where another tab or a later
 * visitor finds it.
 */
export function createOperatorKey(storage: KeyStorage) {
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  return {
    read: (): string | null => storage.getItem(storageKey),
    keep(key: string): void {
      storage.setItem(storageKey, key);
      tell();
    },
    forget(): void {
      storage.removeItem(storageKey);
      tell();
    },
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
