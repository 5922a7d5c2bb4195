import { AppError } from "@driftlock/contracts";
import type { z } from "zod";

/** A cursor out of where a page ended, for lists in the order of a key of their own. */
export const toKeyCursor = (key: unknown): string => Buffer.from(JSON.stringify(key)).toString("base64url");

/** The key inside a cursor; null for the first page. @throws INVALID for one that this list never gave. */
export function readKeyCursor<Key extends z.ZodType>(
  cursor: string | undefined,
  schema: Key,
): z.infer<Key> | null {
  if (cursor === undefined) return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch (cause) {
    const message = "must be a nextCursor that this list gave";
    throw new AppError("INVALID", `cursor: ${message}`, {
      cause,
      extensions: { errors: [{ path: "query.cursor", message }] },
    });
  }
}
