import type { ExportFormat } from "@driftlock/contracts";
import type { UsageRecordRow } from "@driftlock/db";

/** How a file of records begins, and how a record is a line of it. */
export const recordFormats: Record<
  ExportFormat,
  { mediaType: string; head: string; line: (record: UsageRecordRow) => string }
> = {
  csv: {
    mediaType: "text/csv; charset=utf-8; header=present",
    head: "id,metric,quantity,timestamp,receivedAt,properties\r\n",
    line: ({ id, metric, quantity, occurredAt, receivedAt, propertiesJson }) =>
      `${toCell(id)},${metric},${quantity},${occurredAt.toISOString()},${receivedAt.toISOString()},${toCell(propertiesJson ?? "")}\r\n`,
  },
  ndjson: {
    mediaType: "application/x-ndjson",
    head: "",
    line: ({ id, metric, quantity, occurredAt, receivedAt, propertiesJson }) =>
      `{"id":${JSON.stringify(id)},"metric":"${metric}","quantity":${quantity},"timestamp":"${occurredAt.toISOString()}","receivedAt":"${receivedAt.toISOString()}","properties":${propertiesJson ?? "null"}}\n`,
  },
};

/**
 * A cell as RFC 4180 has it. What a spreadsheet would run as a formula (OWASP, CSV injection) gets an apostrophe before
 * it, and so does what begins with one: a reader takes one off and has the text again.
 */
function toCell(text: string): string {
  const inert = /^[=+\-@'\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
