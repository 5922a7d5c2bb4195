import { invalidRequest, resourceMissing } from "../errors.ts";

interface Page {
  object: "list";
  data: object[];
  has_more: boolean;
  url: string;
}

interface PageParams {
  limit?: number;
  starting_after?: string;
  ending_before?: string;
}

/** Cuts Stripe's page out of `all` (newest first); `limit` is 1 to 100, 10 by default. */
export function paginate(all: object[], params: PageParams, url: string): Page {
  const limit = params.limit ?? 10;
  if (limit < 1 || limit > 100)
    throw invalidRequest("This value must be between 1 and 100.", {
      param: "limit",
      code: "parameter_invalid_integer",
    });
  if (params.starting_after !== undefined && params.ending_before !== undefined)
    throw invalidRequest("You cannot parameterize both starting_after and ending_before.", {
      param: "ending_before",
    });
  const position = (id: string, param: string): number => {
    const index = all.findIndex((each) => (each as { id?: string }).id === id);
    if (index < 0) throw resourceMissing("object", id, param);
    return index;
  };
  if (params.ending_before !== undefined) {
    const end = position(params.ending_before, "ending_before");
    const start = Math.max(0, end - limit);
    return { object: "list", data: all.slice(start, end), has_more: start > 0, url };
  }
  const start =
    params.starting_after === undefined ? 0 : position(params.starting_after, "starting_after") + 1;
  return { object: "list", data: all.slice(start, start + limit), has_more: start + limit < all.length, url };
}
