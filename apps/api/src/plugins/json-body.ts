import fp from "fastify-plugin";

/**
 * JSON alone, and no body is no body: many clients send its content type with an empty one. Plain text, which Fastify
 * takes by default, is 415.
 */
export const jsonBodyPlugin = fp(async (app) => {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, undefined);
    else void parse(request, body, done);
  });
});
