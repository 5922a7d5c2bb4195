/**
 * The partition of an account's usage, 0 to `partitions - 1`; the count is fixed at installation. FNV-1a over the
 * id's bytes (account ids are ASCII), the high bits folded in because the low ones alone are weak.
 */
export function partitionOf(accountId: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < accountId.length; index++) {
    hash = Math.imul(hash ^ accountId.charCodeAt(index), 0x01000193);
  }
  return ((hash ^ (hash >>> 16)) >>> 0) % partitions;
}
