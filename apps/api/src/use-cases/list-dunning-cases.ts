import type { DunningCaseDto, Page, PageQuery } from "@driftlock/contracts";
import { type Db, dunningOverview } from "@driftlock/db";
import { readCursor, toPage } from "../cursor.ts";

type CaseRow = Awaited<ReturnType<typeof dunningOverview.listDunningCases>>[number];

/** Every story of an unpaid invoice, the newest first; the settled ones too. */
export const createListDunningCases =
  ({ db }: { db: Db }) =>
  async ({ limit, cursor }: PageQuery): Promise<Page<DunningCaseDto>> => {
    const rows = await dunningOverview.listDunningCases(db, { limit: limit + 1, after: readCursor(cursor) });
    return toPage(rows, limit, {
      position: (row) => ({ at: row.firstFailedAt, id: row.invoiceId }),
      item: toCaseDto,
    });
  };

const toCaseDto = (row: CaseRow): DunningCaseDto => ({
  ...row,
  firstFailedAt: row.firstFailedAt.toISOString(),
  nextStepAt: row.nextStepAt?.toISOString() ?? null,
  settledAt: row.settledAt?.toISOString() ?? null,
});
