import { isUtf8 } from "node:buffer";
import { AppError } from "@driftlock/contracts";
import fp from "fastify-plugin";
import { validatorCompiler } from "fastify-type-provider-zod";
import type { ZodType } from "zod";

/**
 * The text of a body. Lenient decoding would turn every bad byte into the same character, and so two ids into one.
 * @throws MALFORMED_BODY for bytes that are not UTF-8.
 */
export function textOfBody(body: Buffer): string {
  if (!isUtf8(body)) throw new AppError("MALFORMED_BODY", "The body is not UTF-8 text.");
  return body.toString("utf8");
}

/**
 * JSON alone, and no body is no body: many clients send its content type with an empty one. Plain text, which Fastify
 * takes by default, is 415.
 */
export const jsonBodyPlugin = fp(async (app) => {
  app.setValidatorCompiler<ZodType>((part) => {
    const validate = validatorCompiler(part);
    // Fastify shows a validator null for no body, which a schema that makes the body optional would refuse.
    return part.httpPart === "body" ? (data) => validate(data ?? undefined) : validate;
  });
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parse(request, textOfBody(body), done);
  });
});
