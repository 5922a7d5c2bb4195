/** Names the recipe; another recipe gets another name. */
export const usageDigestScheme = "driftlock.usage.v1";

/** One event as a digest takes it; `quantity` with its default applied. */
export interface DigestedEvent {
  readonly accountId: string;
  readonly metric: string;
  readonly quantity: number;
  readonly id: string;
}

/**
 * What is hashed of an event (ADR 0023): five lines. None but the id could hold a line feed by their own rules, ids hold
 * no control character either, and the id is last: two events never make the same text.
 */
export const usageDigestText = ({ accountId, metric, quantity, id }: DigestedEvent): string =>
  `${usageDigestScheme}\n${accountId}\n${metric}\n${quantity}\n${id}`;

/** Adds the SHA-256 of an event's text to the sum of those before, modulo 2^256: the order does not matter. */
export const addToUsageDigest = (sum: bigint, sha256Hex: string): bigint =>
  BigInt.asUintN(256, sum + BigInt(`0x${sha256Hex}`));

/** The sum as 64 hexadecimal digits; of no events, zeros. */
export const usageDigestHex = (sum: bigint): string => sum.toString(16).padStart(64, "0");
