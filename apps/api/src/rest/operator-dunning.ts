import {
  DisputeDto,
  DunningCaseDetailDto,
  DunningCaseDto,
  DunningQuery,
  PageQuery,
  pageOf,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<
  OperatorUseCases,
  "listDunningCases" | "getDunningCase" | "retryDunning" | "stopDunning" | "listDisputes"
>;

export const operatorDunningRoutes =
  ({
    listDunningCases,
    getDunningCase,
    retryDunning,
    stopDunning,
    listDisputes,
  }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    const params = z.object({ invoiceId: z.string() });
    app.get(
      "/operator/dunning",
      {
        config,
        schema: {
          tags,
          summary: "Dunning cases, the newest first",
          description: "One for each invoice whose payment failed. `state=open` leaves out what is settled.",
          querystring: DunningQuery,
          response: { 200: pageOf(DunningCaseDto) },
        },
      },
      (request) => listDunningCases(request.query),
    );
    app.get(
      "/operator/dunning/:invoiceId",
      {
        config,
        schema: {
          tags,
          summary: "One case with each of our tries",
          params,
          response: { 200: DunningCaseDetailDto },
        },
      },
      (request) => getDunningCase(request.params.invoiceId),
    );
    app.post(
      "/operator/dunning/:invoiceId/retry",
      {
        config,
        schema: {
          tags,
          summary: "Try the payment at once",
          description:
            "Whatever the schedule says, and also where only a new card could help. 409 for a story that ended.",
          params,
          response: { 202: DunningCaseDto },
        },
      },
      async (request, reply) =>
        reply.code(202).send(await retryDunning(credentialOf(request).id, request.params.invoiceId)),
    );
    app.post(
      "/operator/dunning/:invoiceId/stop",
      {
        config,
        schema: {
          tags,
          summary: "Stop collecting the invoice",
          description:
            "It stays open at Stripe, where it can be paid, voided or written off. 409 for a story that ended.",
          params,
          response: { 200: DunningCaseDto },
        },
      },
      (request) => stopDunning(credentialOf(request).id, request.params.invoiceId),
    );
    app.get(
      "/operator/disputes",
      {
        config,
        schema: {
          tags,
          summary: "Payments that banks ask back, the newest first",
          querystring: PageQuery,
          response: { 200: pageOf(DisputeDto) },
        },
      },
      (request) => listDisputes(request.query),
    );
  };
