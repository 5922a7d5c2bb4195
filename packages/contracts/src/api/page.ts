import { z } from "zod";

export const pageLimitDefault = 20;
export const pageLimitMax = 100;

/** `?limit&cursor` of every list. The cursor is opaque: what `nextCursor` said, sent back as it is. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(pageLimitMax).default(pageLimitDefault),
  cursor: z.string().min(1).max(512).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** `{ data, nextCursor }`; a null cursor says that this was the last page. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item), nextCursor: z.string().nullable() });

export interface Page<Item> {
  data: Item[];
  nextCursor: string | null;
}
