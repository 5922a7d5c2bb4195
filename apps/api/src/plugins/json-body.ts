import fp from "fastify-plugin";
import { validatorCompiler } from "fastify-type-provider-zod";
import type { ZodType } from "zod";

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
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, undefined);
    else void parse(request, body, done);
  });
});
