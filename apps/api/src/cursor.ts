import { AppError, type Page } from "@driftlock/contracts";
import { z } from "zod";

/** Where a page ended, in a list that is ordered by an instant and then by id, the newest first. */
export interface Position {
  at: Date;
  id: string;
}

const Encoded = z.tuple([z.number().int(), z.string()]);

const encode = ({ at, id }: Position): string =>
  Buffer.from(JSON.stringify([at.getTime(), id])).toString("base64url");

/** The position inside a cursor; null for the first page. @throws INVALID for one that we never gave. */
export function readCursor(cursor: string | undefined): Position | null {
  if (cursor === undefined) return null;
  try {
    const [atMs, id] = Encoded.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
    return { at: new Date(atMs), id };
  } catch (cause) {
    const message = "must be a nextCursor that this list gave";
    throw new AppError("INVALID", `cursor: ${message}`, {
      cause,
      extensions: { errors: [{ path: "query.cursor", message }] },
    });
  }
}

/**
 * A page of `limit` items out of the up to `limit + 1` rows that were read: the one too many says that there is more.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  of: { position: (row: Row) => Position; item: (row: Row) => Item },
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { data: shown.map(of.item), nextCursor: hasMore ? encode(of.position(last)) : null };
}
