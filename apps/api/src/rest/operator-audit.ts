import { AuditEntryDto, AuditQuery, pageOf } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

export const operatorAuditRoutes =
  ({ listAudit }: Pick<OperatorUseCases, "listAudit">): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/operator/audit",
      {
        config: { access: "operator" },
        schema: {
          tags: ["operator"],
          summary: "What operators did, the latest first",
          querystring: AuditQuery,
          response: { 200: pageOf(AuditEntryDto) },
        },
      },
      (request) => listAudit(request.query),
    );
  };
