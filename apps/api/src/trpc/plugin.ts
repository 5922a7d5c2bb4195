import { errorCatalog } from "@driftlock/contracts";
import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import fp from "fastify-plugin";
import { logFailure } from "../plugins/errors.ts";
import { retryAfterOf } from "../problem-of-error.ts";
import { appErrorOf } from "./init.ts";
import type { AppRouter } from "./router.ts";

/** Mounts the router under /trpc with the credential that was found out before. */
export const trpcPlugin = fp<{ router: AppRouter }>(async (app, { router }) => {
  const options: FastifyTRPCPluginOptions<AppRouter> = {
    trpcOptions: {
      router,
      createContext: ({ req }) => ({
        credential: req.credential,
        credentialFault: req.credentialFault,
        requestId: req.id,
      }),
      onError: ({ error, req }) => logFailure(req, appErrorOf(error)),
      // tRPC's own codes know fewer statuses than we do; a batch keeps its 207 where its parts differ.
      responseMeta: ({ errors }) => {
        const failures = errors.map(appErrorOf);
        const statuses = new Set(failures.map(({ code }) => errorCatalog[code].status));
        const [status] = statuses;
        const retryAfter = Math.max(0, ...failures.map((failure) => retryAfterOf(failure) ?? 0));
        return {
          ...(statuses.size === 1 && status !== undefined && { status }),
          ...(retryAfter > 0 && { headers: new Headers({ "retry-after": String(retryAfter) }) }),
        };
      },
    },
  };
  await app.register(async (scope) => {
    // A client that has no input sends no body at all, which tRPC cannot read where an input could be given.
    scope.addHook("preHandler", async (request) => {
      if (request.body === "") request.body = "{}";
    });
    await scope.register(fastifyTRPCPlugin, { prefix: "/trpc", ...options });
  });
});
