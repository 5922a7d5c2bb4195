import { AppError, errorCatalog } from "@driftlock/contracts";
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { renderProblem, retryAfterOf, toAppError } from "../problem-of-error.ts";

/** Logs by whose doing it was: expected refusals are information, faults of ours are errors. */
export function logFailure(log: FastifyBaseLogger, error: AppError): void {
  const { status } = errorCatalog[error.code];
  if (status === 500) log.error({ err: error.cause ?? error, code: error.code }, "request.failed");
  else if (status === 503) log.warn({ err: error.cause ?? error, code: error.code }, "request.unavailable");
  else log.info({ code: error.code, detail: error.message }, "request.refused");
}

/** Answers with problem+json, whatever was thrown. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toAppError(thrown);
  logFailure(request.log, error);
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== null) void reply.header("retry-after", retryAfter);
  if (error.code === "UNAUTHENTICATED") void reply.header("www-authenticate", "Bearer");
  // Fastify closes the connection under a body that is too large, and a client that still sends would see that alone.
  if (error.code === "BODY_TOO_LARGE") void reply.removeHeader("connection");
  const path = request.url.split("?")[0] ?? "/";
  return reply
    .code(errorCatalog[error.code].status)
    .type("application/problem+json")
    .serializer(JSON.stringify)
    .send(renderProblem(error, { id: request.id, path }));
}

/** RFC 9457 for every error, and 404 for every path and method that nobody serves. */
export const errorsPlugin = fp(async (app) => {
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw new AppError("NOT_FOUND", `Nothing answers ${request.method} ${request.url.split("?")[0] ?? "/"}.`);
  });
});
