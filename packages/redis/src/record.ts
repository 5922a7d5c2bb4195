import type { UsageEvent } from "@driftlock/contracts";

/** An event as it lies in the stream; the scripts read the first five. */
type StreamRecord = [
  accountId: string,
  id: string,
  metric: string,
  quantity: number,
  occurredAtMs: number,
  receivedAtMs: number,
  payloadHash: number,
  propertiesJson: string | null,
];

export const toRecord = (event: UsageEvent): string =>
  JSON.stringify([
    event.accountId,
    event.id,
    event.metric,
    event.quantity,
    event.occurredAtMs,
    event.receivedAtMs,
    event.payloadHash,
    event.propertiesJson,
  ] satisfies StreamRecord);

/** Reads one entry's field `d`. Throws where it holds anything that `toRecord` did not write. */
export function parseRecords(text: string): UsageEvent[] {
  return (JSON.parse(text) as StreamRecord[]).map((record) => {
    const [accountId, id, metric, quantity, occurredAtMs, receivedAtMs, payloadHash, propertiesJson] = record;
    const texts = [accountId, id, metric, propertiesJson ?? ""];
    const numbers = [quantity, occurredAtMs, receivedAtMs, payloadHash];
    if (!texts.every((part) => typeof part === "string") || !numbers.every(Number.isSafeInteger)) {
      throw new TypeError(`not a record of usage: ${JSON.stringify(record)}`);
    }
    return { accountId, id, metric, quantity, occurredAtMs, receivedAtMs, payloadHash, propertiesJson };
  });
}
