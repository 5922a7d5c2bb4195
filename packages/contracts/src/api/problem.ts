import { z } from "zod";
import { type ErrorCode, errorCatalog } from "../errors.ts";

/** Where in the request a fault lies: `path` as in `body.planId`, `query.limit`, `body.endpoints.0.url`. */
export const FieldFault = z.object({ path: z.string(), message: z.string() });
export type FieldFault = z.infer<typeof FieldFault>;

/** RFC 9457, with our stable `code`. `errors` is there for 422 of a schema; further members may follow. */
export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    instance: z.string(),
    requestId: z.string(),
    errors: z.array(FieldFault).optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;

/** The members that follow from the code alone. */
export const problemOf = (code: ErrorCode) => ({
  type: `urn:driftlock:problem:${code}`,
  title: errorCatalog[code].title,
  status: errorCatalog[code].status,
  code,
});
