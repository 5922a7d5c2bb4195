import type {
  MirrorDifferenceDto,
  Page,
  ReconciledFiguresDto,
  ReconciliationDto,
  ReconciliationQuery,
} from "@driftlock/contracts";
import { type Db, mirrorDifferences, type ReconciliationRow, reconciliations } from "@driftlock/db";
import { z } from "zod";
import { readKeyCursor, toKeyCursor } from "../key-cursor.ts";

const PageKey = z.tuple([z.number().int(), z.number().int()]);
const differencesMax = 1_000;

/** What was compared, as an operator sees it. */
export function createOperatorReconciliation({ db }: { db: Db }) {
  /** Drifted first, then in flight, then repaired; of each the newest. @throws INVALID for a cursor that is none. */
  const listReconciliations = async ({
    accountId,
    state,
    limit,
    cursor,
  }: ReconciliationQuery): Promise<Page<ReconciliationDto>> => {
    const key = readKeyCursor(cursor, PageKey);
    const rows = await reconciliations.listReconciliations(db, {
      accountId: accountId ?? null,
      state: state ?? null,
      after: key && { priority: key[0], id: key[1] },
      limit: limit + 1,
    });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const hasMore = rows.length > limit && last !== undefined;
    return {
      data: shown.map(toReconciliationDto),
      nextCursor: hasMore ? toKeyCursor([last.priority, last.id]) : null,
    };
  };

  /** The oldest first, 1,000 at most: there are none where all is well. */
  const listMirrorDifferences = async (): Promise<Page<MirrorDifferenceDto>> => {
    const rows = await mirrorDifferences.listDifferences(db, differencesMax);
    return {
      data: rows.map((row) => ({
        ...row,
        since: row.since.toISOString(),
        seenAt: row.seenAt.toISOString(),
      })),
      nextCursor: null,
    };
  };

  return { listReconciliations, listMirrorDifferences };
}

/** Renders a comparison. */
export const toReconciliationDto = (row: ReconciliationRow): ReconciliationDto => ({
  id: String(row.id),
  accountId: row.accountId,
  metric: row.metric,
  period: { start: row.periodStart.toISOString(), end: row.periodEnd.toISOString() },
  state: row.state,
  since: row.since.toISOString(),
  comparedAt: row.comparedAt.toISOString(),
  repairedAt: row.repairedAt?.toISOString() ?? null,
  figures: toFiguresDto(row),
  differences: row.differences.map(({ sinceMs, ...difference }) => ({
    ...difference,
    since: new Date(sinceMs).toISOString(),
  })),
});

function toFiguresDto({ figures }: ReconciliationRow): ReconciledFiguresDto | null {
  if (!("total" in figures)) return null;
  const { baseline: _, ...shown } = figures as Extract<typeof figures, { total: number }>;
  return shown;
}
