import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface DunningOverviewRow {
  invoiceId: string;
  accountId: string;
  state: string;
  mode: "worker" | "stripe";
  attempts: number;
  declineCode: string | null;
  firstFailedAt: Date;
  nextStepAt: Date | null;
  settledAt: Date | null;
}

/** All dunning cases, the newest first, those that come after `after`; what operators look through. */
export const listDunningCases = (
  q: Queryable,
  page: { limit: number; after: { at: Date; id: string } | null },
): Promise<DunningOverviewRow[]> =>
  q.rows(
    "dunningOverview.list",
    sql`select invoice_id as "invoiceId", account_id as "accountId", state, mode, attempts, decline_code as "declineCode",
      first_failed_at as "firstFailedAt", next_step_at as "nextStepAt", settled_at as "settledAt"
    from dunning_cases
    where ${page.after?.at ?? null}::timestamptz is null
      or (first_failed_at, invoice_id) < (${page.after?.at ?? null}::timestamptz, ${page.after?.id ?? null}::text)
    order by first_failed_at desc, invoice_id desc limit ${page.limit}::int`,
  );
