import { AppError, type UsageEvent } from "@driftlock/contracts";
import type { QuarantineRow } from "@driftlock/db";
import { z } from "zod";

const Payload = z.object({
  id: z.string().min(1),
  accountId: z.string().min(1),
  metric: z.string().min(1),
  quantity: z.number().int().min(0),
  occurredAtMs: z.number().int(),
  receivedAtMs: z.number().int(),
  propertiesJson: z.string().nullable(),
});

/** The event that was set aside, as it was accepted. @throws INVALID_EVENT where it could not be read as one. */
export function eventOfQuarantine({ quarantineId, payload }: QuarantineRow): UsageEvent {
  const parsed = Payload.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new AppError("INVALID_EVENT", `${quarantineId} holds no event that could be sent in again.`);
}
