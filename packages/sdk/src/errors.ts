/**
 * - `BUFFER_FULL`: back-pressure, the event was not taken; await `flush()` and record it again with its id.
 * - `BUFFER_IN_USE`: the folder of the buffer belongs to another process that lives.
 * - `INVALID_EVENT`: the event was not taken, it can never be sent.
 * - `CLOSED`: the event was not taken, the client is closed.
 * - `REFUSED`: the gateway refused the request itself (401 and 403 above all); a repeat does not help.
 * - `UNEXPECTED_ANSWER`: what answered is not the gateway.
 * - `NOT_SENT`: `close` ran out of time; what is left is in `unsent()`.
 */
export type DriftLockErrorCode =
  | "BUFFER_FULL"
  | "BUFFER_IN_USE"
  | "INVALID_EVENT"
  | "CLOSED"
  | "REFUSED"
  | "UNEXPECTED_ANSWER"
  | "NOT_SENT";

/** Every error of this client, told apart by `code`; `status` is the gateway's, where it answered. */
export class DriftLockError extends Error {
  readonly code: DriftLockErrorCode;
  readonly status: number | undefined;

  constructor(code: DriftLockErrorCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "DriftLockError";
    this.code = code;
    this.status = options.status;
  }
}
