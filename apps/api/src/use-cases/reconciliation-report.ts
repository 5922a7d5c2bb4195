import {
  AppError,
  type ReconciliationReportDto,
  type ReconciliationReportQuery,
  reconciliationReportScheme,
} from "@driftlock/contracts";
import { type Db, installation, reconciliations } from "@driftlock/db";
import { z } from "zod";
import { canonicalJson } from "../canonical-json.ts";
import { readKeyCursor, toKeyCursor } from "../key-cursor.ts";
import { toReconciliationDto } from "./operator-reconciliation.ts";

const PageKey = z.tuple([z.number().int(), z.number().int()]);

interface Deps {
  db: Db;
  wallNow: () => Date;
  signText: (text: string) => Promise<ReconciliationReportDto["signature"]>;
}

/** The figures of a time, signed by the installation, for whoever wants to check them without asking us again. */
export function createReconciliationReport({ db, wallNow, signText }: Deps) {
  /**
   * The comparisons of all periods that ended in `[from, to)`, a page at a time; each page is signed, and says which part
   * of the whole it is. @throws INVALID for an empty range or a cursor that is none, REPORT_KEY_LOCKED.
   */
  const getReconciliationReport = async (
    query: ReconciliationReportQuery,
  ): Promise<ReconciliationReportDto> => {
    const [from, until] = [new Date(query.from), new Date(query.to)];
    if (from >= until) throw new AppError("INVALID", "to: must be later than from");
    const key = readKeyCursor(query.cursor, PageKey);
    const bound = await installation.findInstallation(db);
    const rows = await reconciliations.listEnded(db, {
      from,
      until,
      accountId: query.accountId ?? null,
      after: key && { periodEnd: new Date(key[0]), id: key[1] },
      limit: query.limit + 1,
    });
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    const hasMore = rows.length > query.limit && last !== undefined;
    const payload: ReconciliationReportDto["payload"] = {
      scheme: reconciliationReportScheme,
      installation: { mode: bound?.mode ?? "", stripeAccountId: bound?.stripeAccountId ?? null },
      from: from.toISOString(),
      to: until.toISOString(),
      accountId: query.accountId ?? null,
      madeAt: wallNow().toISOString(),
      cursor: query.cursor ?? null,
      nextCursor: hasMore ? toKeyCursor([last.periodEnd.getTime(), last.id]) : null,
      rows: shown.map(toReconciliationDto),
    };
    return { payload, signature: await signText(canonicalJson(payload)) };
  };

  return getReconciliationReport;
}
