import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { AppError, errorCatalog } from "@driftlock/contracts";
import { renderProblem } from "../problem-of-error.ts";

/** Answers what never became a request, in the words of all other errors, and ends its connection. */
export function answerClientError(cause: Error & { code?: string }, socket: Socket): void {
  if (cause.code === "ECONNRESET" || socket.destroyed) return;
  const error = toAppError(cause.code);
  const { status } = errorCatalog[error.code];
  const body = JSON.stringify(renderProblem(error, { id: randomUUID(), path: "/" }));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  if (socket.writable) socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.destroySoon();
}

function toAppError(code: string | undefined): AppError {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new AppError("REQUEST_TIMEOUT", "The request did not arrive in time; nothing of it was taken.");
    case "HPE_HEADER_OVERFLOW":
      return new AppError("HEADERS_TOO_LARGE", "The headers are larger than 16 KiB.");
    default:
      return new AppError("MALFORMED_BODY", "The request is not valid HTTP.");
  }
}
