import { z } from "zod";
import { PageQuery } from "./page.ts";

export const AuditQuery = PageQuery.extend({
  target: z.string().max(200).optional().describe("Only what was done to this id"),
  action: z.string().max(100).optional().describe("Only this, for example `dunning.stopped`"),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

/** What an operator did. `actor` is the id of the credential. */
export const AuditEntryDto = z
  .object({
    id: z.string(),
    actor: z.string(),
    action: z.string(),
    target: z.string(),
    detail: z.record(z.string(), z.unknown()),
    happenedAt: z.iso.datetime(),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntryDto = z.infer<typeof AuditEntryDto>;
