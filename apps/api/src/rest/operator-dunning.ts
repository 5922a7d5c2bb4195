import { DunningCaseDto, PageQuery, pageOf } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

export const operatorDunningRoutes =
  ({ listDunningCases }: Pick<OperatorUseCases, "listDunningCases">): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/operator/dunning",
      {
        config: { access: "operator" },
        schema: {
          tags: ["operator"],
          summary: "Dunning cases, the newest first",
          querystring: PageQuery,
          response: { 200: pageOf(DunningCaseDto) },
        },
      },
      (request) => listDunningCases(request.query),
    );
  };
