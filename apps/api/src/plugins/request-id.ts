import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import fp from "fastify-plugin";

const sanePattern = /^[A-Za-z0-9._:-]{1,128}$/;

/** The caller's x-request-id where it is sane, so that one id follows a request through all logs; else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, "headers">): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && sanePattern.test(given) ? given : randomUUID();
}

/** Tells the caller the id, in refusals too. */
export const requestIdPlugin = fp(async (app) => {
  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("x-request-id", request.id);
    done();
  });
});
