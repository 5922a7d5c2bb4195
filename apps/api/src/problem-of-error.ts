import { AppError, errorCatalog, type FieldFault, type Problem, problemOf } from "@driftlock/contracts";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { ZodError } from "zod";

const retryAfterSecondsDefault = 2;

/** Fastify's own errors that are the caller's doing. */
const fastifyCodes: Record<
  string,
  "MALFORMED_BODY" | "BODY_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "NOT_FOUND"
> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "BODY_TOO_LARGE",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  FST_ERR_CTP_INVALID_JSON_BODY: "MALFORMED_BODY",
  FST_ERR_CTP_EMPTY_JSON_BODY: "MALFORMED_BODY",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "MALFORMED_BODY",
  FST_ERR_BAD_URL: "MALFORMED_BODY",
};

const unreadable = "The request cannot be read: check that its body is valid JSON and its path is encoded.";

const details: Record<string, string> = {
  MALFORMED_BODY: unreadable,
  BODY_TOO_LARGE: "The body is larger than this path takes; send less at once.",
  UNSUPPORTED_MEDIA_TYPE: "Send JSON, with content-type: application/json.",
};

/** Any error as one that may leave: what is not known is INTERNAL, opaque outside, whole in the log. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const context = (error as { validationContext?: string }).validationContext ?? "request";
    return invalid(
      error.validation.map(({ instancePath, message }) => ({
        path: [
          contextNames[context] ?? context,
          ...instancePath.split("/").filter((part) => part !== ""),
        ].join("."),
        message: message ?? "is not valid",
      })),
    );
  }
  if (error instanceof ZodError) {
    return invalid(error.issues.map(({ path, message }) => ({ path: path.join("."), message })));
  }
  const code = fastifyCodes[(error as { code?: string } | null)?.code ?? ""];
  if (code !== undefined)
    return new AppError(code, details[code] ?? errorCatalog[code].title, { cause: error });
  if (isRedisAway(error)) {
    return new AppError("UNAVAILABLE", "Redis cannot be reached; try again.", { cause: error });
  }
  return fromStatus(error) ?? new AppError("INTERNAL", errorCatalog.INTERNAL.title, { cause: error });
}

/** What a plugin refused with a status of its own, such as a folder asked for as a file. */
function fromStatus(error: unknown): AppError | null {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  if (status === 403 || status === 404)
    return new AppError("NOT_FOUND", errorCatalog.NOT_FOUND.title, { cause: error });
  const isTheirs = typeof status === "number" && status >= 400 && status < 500;
  return isTheirs ? new AppError("MALFORMED_BODY", unreadable, { cause: error }) : null;
}

const contextNames: Record<string, string> = { querystring: "query" };

function invalid(errors: FieldFault[]): AppError {
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join("; ");
  return new AppError("INVALID", detail, { extensions: { errors } });
}

/** What ioredis throws while its server is away, loading, read-only or over its memory. */
function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === "MaxRetriesPerRequestError" ||
    error.name === "ClusterAllFailedError" ||
    /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|MISCONF|NOREPLICAS|TRYAGAIN)\b/.test(error.message) ||
    /Connection is closed|Stream isn't writeable|Command timed out|Socket closed|connect ECONNREFUSED/.test(
      error.message,
    )
  );
}

/** The seconds for Retry-After, or null where a repeat cannot help. */
export function retryAfterOf(error: AppError): number | null {
  const isForLater = [429, 503].includes(errorCatalog[error.code].status);
  return error.retryAfterSeconds ?? (isForLater ? retryAfterSecondsDefault : null);
}

/** RFC 9457. The detail of a fault of ours stays inside. */
export function renderProblem(error: AppError, request: { id: string; path: string }): Problem {
  const isOurs = error.code === "INTERNAL";
  return {
    ...problemOf(error.code),
    detail: isOurs ? `${errorCatalog.INTERNAL.title}. Tell us the request id.` : error.message,
    instance: request.path,
    requestId: request.id,
    ...(isOurs ? {} : error.extensions),
  };
}
