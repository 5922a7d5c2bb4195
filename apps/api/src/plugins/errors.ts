import { AppError, errorCatalog } from "@driftlock/contracts";
import { createErrorLog, type Logger } from "@driftlock/runtime";
import type { FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { renderProblem, retryAfterOf, toAppError } from "../problem-of-error.ts";

declare module "fastify" {
  interface FastifyInstance {
    logUnavailable: ReturnType<typeof createErrorLog>;
  }
}

/**
 * Logs who asked for what, by whose doing it was: expected refusals are information, faults of ours are errors, and what
 * is away is a line a minute.
 */
export function logFailure(request: FastifyRequest, error: AppError): void {
  const { method, credential, server } = request;
  const { log } = server;
  const { code } = error;
  const { status } = errorCatalog[code];
  const about = {
    requestId: request.id,
    code,
    method,
    path: pathOf(request),
    // Null until the hooks have run, absent where the router itself refused.
    ...(credential && { credentialId: credential.id, accountId: credential.accountId }),
  };
  if (status === 500) log.error({ ...about, err: error.cause ?? error }, "request.failed");
  else if (status === 503) server.logUnavailable(causeOf(error), about);
  else log.info({ ...about, detail: error.message }, "request.refused");
}

const causeOf = (error: AppError): Error => (error.cause instanceof Error ? error.cause : error);

/** Without the query, which may hold what logs must not. */
const pathOf = ({ url }: FastifyRequest): string => url.split("?")[0] ?? "/";

/** Answers with problem+json, whatever was thrown. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toAppError(thrown);
  logFailure(request, error);
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== null) void reply.header("retry-after", retryAfter);
  if (error.code === "UNAUTHENTICATED") void reply.header("www-authenticate", "Bearer");
  // Fastify closes the connection under a body that is too large, and a client that still sends would see that alone.
  if (error.code === "BODY_TOO_LARGE") void reply.removeHeader("connection");
  return reply
    .code(errorCatalog[error.code].status)
    .type("application/problem+json")
    .serializer(JSON.stringify)
    .send(renderProblem(error, { id: request.id, path: pathOf(request) }));
}

/** RFC 9457 for every error, and 404 for every path and method that nobody serves. */
export const errorsPlugin = fp<{ log: Logger }>(async (app, { log }) => {
  // A server that is away refuses every request: a line for each would drown whoever has to mend it.
  app.decorate("logUnavailable", createErrorLog({ log, level: "warn", event: "request.unavailable" }));
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw new AppError("NOT_FOUND", `Nothing answers ${request.method} ${pathOf(request)}.`);
  });
});
