import { AccountChoice, AppError, errorCatalog, type KeyScope } from "@driftlock/contracts";
import { initTRPC, TRPCError } from "@trpc/server";
import { ZodError } from "zod";
import { accountOf, type Credential, requireScope } from "../auth/credential.ts";
import { renderProblem, toAppError } from "../problem-of-error.ts";

export interface TrpcContext {
  credential: Credential | null;
  /** Why the credential that was sent is none. */
  credentialFault: Error | null;
  requestId: string;
}

/** Every error carries the same problem as over REST in `data.problem`: code, detail, and the rest of it. */
const t = initTRPC.context<TrpcContext>().create({
  errorFormatter: ({ shape, error, path, ctx }) => ({
    ...shape,
    message: appErrorOf(error).message,
    data: {
      code: shape.data.code,
      httpStatus: errorCatalog[appErrorOf(error).code].status,
      path: shape.data.path,
      problem: renderProblem(appErrorOf(error), { id: ctx?.requestId ?? "", path: `/trpc/${path ?? ""}` }),
    },
  }),
});

/** The error behind what tRPC wraps; an unknown path and a body that is no JSON are tRPC's own. */
export function appErrorOf(error: TRPCError): AppError {
  const { cause } = error;
  if (cause instanceof AppError || cause instanceof ZodError) return toAppError(cause);
  if (error.code === "NOT_FOUND") return new AppError("NOT_FOUND", "There is no such procedure.");
  if (error.code === "METHOD_NOT_SUPPORTED") {
    return new AppError("METHOD_NOT_ALLOWED", "Queries are GET, mutations are POST.");
  }
  if (error.code === "PARSE_ERROR" || error.code === "BAD_REQUEST") {
    return new AppError("MALFORMED_BODY", "The input cannot be read.");
  }
  return toAppError(cause ?? error);
}

export const router = t.router;

/** For everybody, signed in or not. */
export const publicProcedure = t.procedure;

/** For who has the scope; `ctx.accountId` is the account that the call is about (see `accountOf`). */
export const accountProcedure = (scope: KeyScope) =>
  t.procedure.input(AccountChoice.optional()).use(({ ctx, input, next }) => {
    if (ctx.credentialFault !== null) throw asTrpcError(ctx.credentialFault);
    try {
      const credential = requireScope(ctx.credential, scope);
      return next({ ctx: { credential, accountId: accountOf(credential, input?.accountId) } });
    } catch (error) {
      throw asTrpcError(error);
    }
  });

const asTrpcError = (cause: unknown): TRPCError => new TRPCError({ code: "UNAUTHORIZED", cause });
