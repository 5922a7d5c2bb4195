import { z } from "zod";
import { AccountId } from "../ids.ts";

/**
 * Whose account a request is about. Only a key of scope `service` may name another than its own, and must name one;
 * in the query or in the body, as it likes.
 */
export const AccountChoice = z.object({ accountId: AccountId.optional() });
export type AccountChoice = z.infer<typeof AccountChoice>;
