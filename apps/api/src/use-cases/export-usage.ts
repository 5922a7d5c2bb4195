import { AppError, type UsageExportQuery } from "@driftlock/contracts";
import { type Db, usageIndexes, usageRecordPages } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import { readRange } from "./read-range.ts";
import { requireAccount } from "./require-account.ts";
import { createTurns } from "./turns.ts";
import { recordFormats } from "./write-usage-records.ts";

const spanDefaultMs = 30 * 24 * 60 * 60 * 1000;
/** Records that a page looks at: as many as fill it, and more where few of them match. */
const pageRecords = 1_000;
const scanRecordsMax = 8_000;
/** Of the pool's connections, so that exports never take them all. */
const pagesAtOnce = 2;

export interface UsageExport {
  mediaType: string;
  fileName: string;
  /** The file in pieces of a page each; a failure throws in the middle. Nothing is read before it is asked for. */
  text: AsyncGenerator<string, void>;
}

type Page = Awaited<ReturnType<typeof usageRecordPages.listPage>>;

interface Deps {
  db: Db;
  clock: Clock;
  catalogCache: CatalogCache;
}

export type ExportUsage = ReturnType<typeof createExportUsage>;

/**
 * An account's records of `[from, to)` in the order of their ids by bytes, page by page: memory does not grow with the
 * file, and no connection or snapshot is held while the reader is slow. What is stored when a page is read is in it;
 * ids past the greatest at the start are not, so that an export ends while usage goes on.
 * @throws UNKNOWN_METRIC, ACCOUNT_NOT_FOUND, INVALID, UNAVAILABLE.
 */
export function createExportUsage({ db, clock, catalogCache }: Deps) {
  const inTurn = createTurns(pagesAtOnce);
  return async (accountId: string, query: UsageExportQuery): Promise<UsageExport> => {
    const metric = query.metric ?? null;
    if (metric !== null && !(await catalogCache.get()).aggregations.has(metric)) {
      throw new AppError("UNKNOWN_METRIC", `There is no metric "${metric}".`);
    }
    const { fromMs, toMs } = readRange(query, { now: clock.now(), spanMs: spanDefaultMs });
    await requireAccount(db, accountId);
    await usageIndexes.askForIndexes(db);
    const last = await usageRecordPages.findLastId(db, accountId);
    const filter = { accountId, metric, from: new Date(fromMs), to: new Date(toMs) };
    const { mediaType, head, line } = recordFormats[query.format];

    async function* write() {
      if (head !== "") yield head;
      let afterId: string | null = null;
      let scanMax = pageRecords;
      while (last !== null && afterId !== last.id) {
        const span = { afterId, throughId: last.id, scanMax };
        const page: Page = await inTurn(() => usageRecordPages.listPage(db, filter, span));
        if (page.lastId === null) return;
        await usageIndexes.askForIndexes(db);
        afterId = page.lastId;
        scanMax = Math.min(
          scanRecordsMax,
          Math.ceil((pageRecords * scanMax) / Math.max(1, page.rows.length)),
        );
        if (page.rows.length > 0) yield page.rows.map(line).join("");
      }
    }

    const [start, end] = [filter.from, filter.to].map((at) => at.toISOString().slice(0, 10));
    return {
      mediaType,
      fileName: `usage-${accountId}-${metric ?? "all"}-${start}-${end}.${query.format}`,
      text: write(),
    };
  };
}
