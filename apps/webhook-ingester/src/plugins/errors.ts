import { AppError, errorCatalog, problemOf } from "@driftlock/contracts";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** Every answer that is no success is problem+json with a stable code; what is not ours to say stays in the log. */
export function registerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, new AppError("NOT_FOUND", "Stripe's events are posted to /webhooks/stripe.")),
  );
  app.setErrorHandler((error, request, reply) => {
    const known = toAppError(error);
    const { id: requestId } = request;
    if (errorCatalog[known.code].status >= 500) app.log.error({ requestId, err: error }, "webhook.failed");
    // A wrong secret shows here and nowhere else.
    else app.log.warn({ requestId, code: known.code, detail: known.message }, "webhook.refused");
    return sendProblem(request, reply, known);
  });
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new AppError("BODY_TOO_LARGE", "The body is larger than 1 MiB.");
  if (typeof code === "string" && code.startsWith("FST_ERR_CTP")) {
    return new AppError("MALFORMED_BODY", "The body could not be read.", { cause: error });
  }
  return new AppError("INTERNAL", "Something went wrong on our side.", { cause: error });
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, error: AppError): FastifyReply {
  const { status } = errorCatalog[error.code];
  if (error.retryAfterSeconds !== undefined) reply.header("retry-after", String(error.retryAfterSeconds));
  return reply
    .code(status)
    .type("application/problem+json")
    .send({ ...problemOf(error.code), detail: error.message, instance: request.url, requestId: request.id });
}
