import type { Db, Transaction } from "@driftlock/db";

/** Ends the transaction of a preview: all that it did is undone. */
class PreviewEnd<T> extends Error {
  readonly planned: T;
  constructor(planned: T) {
    super("a preview changes nothing");
    this.planned = planned;
  }
}

/**
 * Does `work` in a transaction of its own. A preview is the very same work, rolled back, so that it cannot say anything
 * else than what is done. @throws what `work` throws.
 */
export async function doOrPreview<T>(
  db: Db,
  isPreview: boolean,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await db.transaction(async (tx) => {
      const planned = await work(tx);
      if (isPreview) throw new PreviewEnd(planned);
      return planned;
    });
  } catch (error) {
    if (error instanceof PreviewEnd) return error.planned as T;
    throw error;
  }
}
