import { AppError } from "@driftlock/contracts";

/** SQLSTATE of an error thrown by pg, or undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

export const isUniqueViolation = (error: unknown): boolean => sqlState(error) === "23505";

/** Errors that a repeat of the whole transaction can mend: serialization failure, deadlock, lock time-out. */
export const isTransactionConflict = (error: unknown): boolean =>
  ["40001", "40P01", "55P03"].includes(sqlState(error) ?? "");

/** Errors of the connection, not of the statement: the server is away, starting, stopping or full. */
export function isConnectionError(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return /^(08|57P|53)/.test(state);
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  const message = error instanceof Error ? error.message : "";
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOST)/.test(code) ||
    /[Cc]onnection terminated|timeout exceeded|is not queryable/.test(message)
  );
}

/** What a caller outside sees while Postgres is away. */
export const unavailable = (cause: unknown): AppError =>
  new AppError("UNAVAILABLE", "The database cannot be reached; try again.", { cause, retryAfterSeconds: 2 });
