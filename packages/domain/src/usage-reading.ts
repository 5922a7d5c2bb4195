import { addToUsageDigest, type Aggregation, usageDigestHex } from "@driftlock/contracts";

/** A stored event as a reading of its period takes it. Instants in unix milliseconds. */
export interface ReadRecord {
  readonly metric: string;
  readonly quantity: number;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** Of `usageDigestText`; null for one of an earlier part of a Free cycle, which counts and is not of the period. */
  readonly sha256Hex: string | null;
}

/** What was read of one metric so far, as it is kept between two steps. */
export interface ReadSum {
  /** Of the period's own events. */
  readonly digest: string;
  readonly digestEvents: number;
  readonly digestQuantity: number;
  /** Of all that counts. */
  readonly events: number;
  readonly sum: number;
  readonly max: number;
  /** The newest by its timestamp, then by its receipt: [occurredAtMs, receivedAtMs, quantity]. */
  readonly last: readonly [number, number, number];
}

export type ReadSums = Readonly<Record<string, ReadSum>>;

interface OpenSum extends Omit<ReadSum, "digest"> {
  digest: bigint;
}

const nothing: OpenSum = {
  digest: 0n,
  digestEvents: 0,
  digestQuantity: 0,
  events: 0,
  sum: 0,
  max: 0,
  last: [-Infinity, -Infinity, 0],
};

/** Adds records to what was read before; their order does not matter. */
export function addToReading(before: ReadSums, records: Iterable<ReadRecord>): ReadSums {
  const sums = new Map<string, OpenSum>(
    Object.entries(before).map(([metric, sum]) => [metric, { ...sum, digest: BigInt(`0x${sum.digest}`) }]),
  );
  for (const record of records) sums.set(record.metric, added(sums.get(record.metric) ?? nothing, record));
  return Object.fromEntries(
    [...sums].map(([metric, sum]) => [metric, { ...sum, digest: usageDigestHex(sum.digest) }]),
  );
}

function added(sum: OpenSum, { quantity, occurredAtMs, receivedAtMs, sha256Hex }: ReadRecord): OpenSum {
  const [lastMs, lastReceivedMs] = sum.last;
  const isNewest = occurredAtMs > lastMs || (occurredAtMs === lastMs && receivedAtMs >= lastReceivedMs);
  const isOfPeriod = sha256Hex !== null;
  return {
    digest: isOfPeriod ? addToUsageDigest(sum.digest, sha256Hex) : sum.digest,
    digestEvents: sum.digestEvents + (isOfPeriod ? 1 : 0),
    digestQuantity: sum.digestQuantity + (isOfPeriod ? quantity : 0),
    events: sum.events + 1,
    sum: sum.sum + quantity,
    max: Math.max(sum.max, quantity),
    last: isNewest ? [occurredAtMs, receivedAtMs, quantity] : sum.last,
  };
}

/** The period's value by the metric's aggregation; null for `unique`, whose values are not kept while reading. */
export function valueOfReading(sum: ReadSum, aggregation: Aggregation): number | null {
  switch (aggregation) {
    case "sum":
      return sum.sum;
    case "count":
      return sum.events;
    case "max":
      return sum.max;
    case "last":
      return sum.last[2];
    case "unique":
      return null;
  }
}
