import { MirrorDifferenceDto, pageOf, ReconciliationDto, ReconciliationQuery } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<OperatorUseCases, "listReconciliations" | "listMirrorDifferences">;

export const operatorReconciliationRoutes =
  (useCases: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    app.get(
      "/operator/reconciliation",
      {
        config,
        schema: {
          tags: ["operator"],
          summary: "Accepted, stored, counted, reported and invoiced, for each account, metric and period",
          description:
            "The latest comparison of each, what has drifted first. A difference counts as drift once nothing is on its way that explains it and it has lasted for a minute.",
          querystring: ReconciliationQuery,
          response: { 200: pageOf(ReconciliationDto) },
        },
      },
      (request) => useCases.listReconciliations(request.query),
    );
    app.get(
      "/operator/reconciliation/stripe",
      {
        config,
        schema: {
          tags: ["operator"],
          summary: "Objects of Stripe that differ from our mirror of them",
          response: { 200: pageOf(MirrorDifferenceDto) },
        },
      },
      () => useCases.listMirrorDifferences(),
    );
  };
