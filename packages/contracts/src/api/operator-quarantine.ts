import { z } from "zod";
import { AccountId } from "../ids.ts";
import { PageQuery } from "./page.ts";

export const quarantineStates = ["open", "replayed", "discarded"] as const;

/** What was set aside; without `state`, whatever became of it. */
export const QuarantineQuery = PageQuery.extend({
  accountId: AccountId.optional(),
  reason: z.string().min(1).max(64).optional(),
  state: z.enum(quarantineStates).optional(),
});
export type QuarantineQuery = z.infer<typeof QuarantineQuery>;

export const QuarantineId = z
  .string()
  .regex(/^[1-9][0-9]{0,14}$/, "is a number")
  .transform(Number);

/** `event` is what was accepted, or what could not be read as events. */
export const QuarantineDto = z
  .object({
    id: z.string(),
    accountId: z.string().nullable(),
    eventId: z.string().nullable(),
    metric: z.string().nullable(),
    reason: z.string(),
    detail: z.string(),
    event: z.unknown(),
    state: z.enum(quarantineStates),
    receivedAt: z.iso.datetime().nullable(),
    quarantinedAt: z.iso.datetime(),
    replayedAt: z.iso.datetime().nullable(),
    discardedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "QuarantinedEvent" });
export type QuarantineDto = z.infer<typeof QuarantineDto>;

export const QuarantineSelection = z.strictObject({
  ids: z
    .array(QuarantineId)
    .min(1)
    .max(1_000)
    .refine((ids) => new Set(ids).size === ids.length, "each id once"),
});
export type QuarantineSelection = z.infer<typeof QuarantineSelection>;
