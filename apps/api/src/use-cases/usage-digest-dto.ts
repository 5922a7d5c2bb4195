import { type UsageDigestDto, usageDigestScheme } from "@driftlock/contracts";
import type { usageDigests } from "@driftlock/db";

/** Renders a digest of a period's events. */
export const toDigestDto = (row: usageDigests.UsageDigestRow): UsageDigestDto => ({
  scheme: usageDigestScheme,
  version: row.version,
  digest: row.digest,
  eventCount: row.eventCount,
  quantity: row.quantity,
  computedAt: row.computedAt.toISOString(),
});
