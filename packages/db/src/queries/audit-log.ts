import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface AuditEntry {
  /** The credential that acted. */
  actor: string;
  /** noun.past-verb */
  action: string;
  target: string;
  /** Ids and choices; never a secret. */
  detail: Record<string, unknown>;
  now: Date;
}

/** Adds what an operator did, in the transaction that does it. */
export const insertAuditEntry = (q: Queryable, entry: AuditEntry): Promise<number> =>
  q.run(
    "auditLog.insert",
    sql`insert into audit_log (actor, action, target, detail, happened_at)
    values (${entry.actor}::text, ${entry.action}::text, ${entry.target}::text, ${JSON.stringify(entry.detail)}::jsonb, ${entry.now}::timestamptz)`,
  );

export interface AuditRow extends Omit<AuditEntry, "now"> {
  id: string;
  happenedAt: Date;
}

/** A page of the log, the latest first; with `target` or `action` only what names it. */
export const listAuditEntries = (
  q: Queryable,
  page: {
    limit: number;
    after: { at: Date; id: string } | null;
    target: string | null;
    action: string | null;
  },
): Promise<AuditRow[]> =>
  q.rows(
    "auditLog.list",
    sql`select audit_id::text as id, actor, action, target, detail, happened_at as "happenedAt" from audit_log
    where (${page.after?.id ?? null}::bigint is null or audit_id < ${page.after?.id ?? null}::bigint)
      and (${page.target}::text is null or target = ${page.target}::text)
      and (${page.action}::text is null or action = ${page.action}::text)
    order by audit_id desc limit ${page.limit}::int`,
  );
