import { z } from "zod";
import { AccountId } from "../ids.ts";

export const keyScopes = ["usage:write", "billing:read", "billing:write", "service", "operator"] as const;
export const KeyScope = z.enum(keyScopes);
export type KeyScope = z.infer<typeof KeyScope>;

/**
 * A key of an account names it; one of scope `service` or `operator` names none. A `service` key that is given no other
 * scope has all those of an account.
 */
export const CreateKeyBody = z.strictObject({
  name: z.string().min(1).max(100).default("key"),
  scopes: z.array(KeyScope).min(1),
  accountId: AccountId.optional(),
});
export type CreateKeyBody = z.infer<typeof CreateKeyBody>;

export const KeyDto = z
  .object({
    id: z.string(),
    name: z.string(),
    displayPrefix: z.string(),
    mode: z.enum(["test", "live"]),
    scopes: z.array(KeyScope),
    accountId: z.string().nullable(),
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Key" });
export type KeyDto = z.infer<typeof KeyDto>;

/** `key` is the whole text of it, told this once: only its hash is kept. */
export const CreatedKeyDto = KeyDto.extend({ key: z.string() }).meta({ id: "CreatedKey" });
export type CreatedKeyDto = z.infer<typeof CreatedKeyDto>;
