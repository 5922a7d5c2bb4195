import { AccountChoice, QuotaCheckBody, QuotaCheckDto } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { requireScope } from "../auth/credential.ts";
import { credentialOf, requestAccount } from "../plugins/auth.ts";
import { noRequestLog } from "../plugins/metrics.ts";
import type { CheckQuota } from "../use-cases/check-quota.ts";

export const quotaRoutes =
  ({ checkQuota }: { checkQuota: CheckQuota }): FastifyPluginAsyncZod =>
  async (app) => {
    app.post(
      "/billing/quota/check",
      {
        config: { access: ["usage:write", "billing:read"] },
        childLoggerFactory: noRequestLog,
        // Of our own making, thousands of times a second: the schema is for the documentation.
        serializerCompiler: () => JSON.stringify,
        schema: {
          tags: ["quota"],
          summary: "Ask whether quantities fit, all or none; with consume, take them",
          description:
            "200 whether it is allowed or not. `consume: true` needs the scope usage:write and an id for each item, and records them as events: a repeat is allowed and not counted again.",
          querystring: AccountChoice,
          body: QuotaCheckBody,
          response: { 200: QuotaCheckDto },
        },
      },
      async (request) => {
        const { items, consume } = request.body;
        if (consume) requireScope(credentialOf(request), "usage:write");
        return checkQuota(requestAccount(request), { items, consume });
      },
    );
  };
