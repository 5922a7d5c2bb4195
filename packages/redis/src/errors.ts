import { AppError } from "@driftlock/contracts";

/** Answers of a server that is up but cannot serve: starting, failing over, read-only, full, or no more the key's own. */
const cannotServe =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED|OOM|MISCONF|BUSY|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM)\b/;

/** Turns what ioredis throws into UNAVAILABLE (503), unless a script or a command of ours is at fault. */
export function toAppError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  if (error.name === "ReplyError" && !cannotServe.test(error.message)) return error;
  return new AppError("UNAVAILABLE", "Redis cannot be reached; try again.", {
    cause: error,
    retryAfterSeconds: 2,
  });
}
