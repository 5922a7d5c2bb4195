import { z } from "zod";

export const QueueDto = z
  .object({
    queue: z.string(),
    waiting: z.number().int(),
    active: z.number().int(),
    delayed: z.number().int(),
    failed: z.number().int(),
    oldestWaitingMs: z.number().nullable(),
  })
  .meta({ id: "Queue" });
export type QueueDto = z.infer<typeof QueueDto>;

export const FailedJobDto = z
  .object({
    queue: z.string(),
    id: z.string(),
    name: z.string(),
    payload: z.unknown(),
    requestId: z.string().nullable(),
    reason: z.string(),
    attempts: z.number().int(),
    addedAt: z.iso.datetime(),
    failedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "FailedJob" });
export type FailedJobDto = z.infer<typeof FailedJobDto>;
