import { finished } from "node:stream/promises";
import type { UsageEvent } from "@driftlock/contracts";
import { from as copyFrom } from "pg-copy-streams";
import type { Queryable, Transaction } from "../db.ts";
import { sql } from "../sql.ts";

export interface KnownEventRow {
  accountId: string;
  id: string;
  payloadHash: number;
}

/**
 * Writes events as they come, by COPY; in the order of the key it is nearly twice as fast. Throws a unique violation
 * where one of them is stored already; the transaction is then of no further use, save behind a savepoint.
 */
export async function copyRecords(tx: Transaction, events: readonly UsageEvent[]): Promise<void> {
  const stream = tx.client.query(
    copyFrom(`copy usage_records
      (account_id, event_id, metric, quantity, occurred_at, received_at, payload_hash, properties) from stdin`),
  );
  stream.end(events.map(toCopyLine).join(""));
  await finished(stream);
}

function toCopyLine(event: UsageEvent): string {
  const { accountId, id, metric, quantity, occurredAtMs, receivedAtMs, payloadHash, propertiesJson } = event;
  const instants = `${new Date(occurredAtMs).toISOString()}\t${new Date(receivedAtMs).toISOString()}`;
  const properties = propertiesJson === null ? "\\N" : escapeCopy(propertiesJson);
  return `${accountId}\t${escapeCopy(id)}\t${metric}\t${quantity}\t${instants}\t${payloadHash}\t${properties}\n`;
}

const copyEscapes: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const escapeCopy = (text: string): string =>
  text.replace(/[\\\t\n\r]/g, (special) => copyEscapes[special] ?? "");

/** Which of these ids are stored, and with what payload. */
export const listKnownEvents = (
  q: Queryable,
  events: readonly { accountId: string; id: string }[],
): Promise<KnownEventRow[]> =>
  q.rows(
    "usageRecords.listKnown",
    sql`select r.account_id as "accountId", r.event_id as "id", r.payload_hash as "payloadHash"
    from unnest(${events.map(({ accountId }) => accountId)}::text[], ${events.map(({ id }) => id)}::text[])
      as wanted (account_id, event_id)
    join usage_records r on r.account_id = wanted.account_id and r.event_id = wanted.event_id collate "C"`,
  );
