import { AdjustmentDto, AdjustmentQuery, LatePreviewDto, pageOf, UsageBody } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { UsageItems } from "../usage/parse-usage-body.ts";
import { addUsageBodyParsers } from "../usage/usage-body-parsers.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

export const operatorUsageRoutes =
  ({ previewLateUsage }: Pick<OperatorUseCases, "previewLateUsage">): FastifyPluginAsyncZod =>
  async (app) => {
    // Its bodies are those of usage, in a scope of its own.
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

type Deps = Pick<OperatorUseCases, "listAdjustments" | "billAdjustment" | "waiveAdjustment">;

export const operatorAdjustmentRoutes =
  ({ listAdjustments, billAdjustment, waiveAdjustment }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    const params = z.object({ id: z.string() });
    const response = { 200: AdjustmentDto };
    app.get(
      "/operator/usage/adjustments",
      {
        config,
        schema: {
          tags,
          summary: "What was billed, or is to be, after its period was closed; the newest first",
          querystring: AdjustmentQuery,
          response: { 200: pageOf(AdjustmentDto) },
        },
      },
      (request) => listAdjustments(request.query),
    );
    app.post(
      "/operator/usage/adjustments/:id/bill",
      {
        config,
        schema: { tags, summary: "Bill an adjustment that is in review", params, response },
      },
      (request) => billAdjustment(credentialOf(request).id, request.params.id),
    );
    app.post(
      "/operator/usage/adjustments/:id/waive",
      {
        config,
        schema: {
          tags,
          summary: "Never bill an adjustment that was not sent yet",
          description: "Its usage counts as billed: it does not come back with the next one.",
          params,
          response,
        },
      },
      (request) => waiveAdjustment(credentialOf(request).id, request.params.id),
    );
  };
