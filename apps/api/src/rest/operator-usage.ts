import { LatePreviewDto, UsageBody } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { UsageItems } from "../usage/parse-usage-body.ts";
import { addUsageBodyParsers } from "../usage/usage-body-parsers.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

export const operatorUsageRoutes =
  ({ previewLateUsage }: Pick<OperatorUseCases, "previewLateUsage">): FastifyPluginAsyncZod =>
  async (app) => {
    addUsageBodyParsers(app);
    app.post(
      "/operator/usage/late-preview",
      {
        config: { access: "operator", encodings: ["gzip", "zstd"] },
        // Events are checked one by one; the schema is for the documentation.
        validatorCompiler: () => (value: unknown) => ({ value }),
        schema: {
          tags: ["operator"],
          summary: "What late events would cost, before they are sent",
          description:
            "The body is one of `POST /billing/usage`, each event with its `accountId`. Changes nothing: every event is judged by its metric's late policy, its period's limits and the account's spend cap, from what is stored now, and priced by that period's plan.",
          body: UsageBody,
          response: { 200: LatePreviewDto },
        },
      },
      (request) => previewLateUsage((request.body as unknown as UsageItems).items),
    );
  };
