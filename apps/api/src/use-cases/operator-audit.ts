import { AppError, type AuditEntryDto, type AuditQuery, type Page } from "@driftlock/contracts";
import { auditLog, type Db } from "@driftlock/db";
import { readCursor, toPage } from "../cursor.ts";

/** What operators did, the latest first. @throws INVALID for a cursor that is none. */
export const createListAudit =
  ({ db }: { db: Db }) =>
  async ({ limit, cursor, target, action }: AuditQuery): Promise<Page<AuditEntryDto>> => {
    const only = { target: target ?? null, action: action ?? null };
    const after = readCursor(cursor);
    if (after !== null && !/^\d{1,18}$/.test(after.id))
      throw new AppError("INVALID", "cursor: must be a nextCursor that this list gave");
    const rows = await auditLog.listAuditEntries(db, { ...only, limit: limit + 1, after });
    return toPage(rows, limit, {
      position: (row) => ({ at: row.happenedAt, id: row.id }),
      item: (row) => ({ ...row, happenedAt: row.happenedAt.toISOString() }),
    });
  };
