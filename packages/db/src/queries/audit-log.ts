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
