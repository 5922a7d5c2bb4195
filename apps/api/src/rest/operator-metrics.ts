import {
  CreateMetricBody,
  MetricDto,
  MetricName,
  PageQuery,
  pageOf,
  UpdateMetricBody,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<OperatorUseCases, "listMetrics" | "createMetric" | "updateMetric">;

const policies =
  "`latePolicy` is for what a plan bills: `bill-in-period-if-draft` counts late events in their period for as long as its draft takes them, and the draft waits for them; `carry-as-adjustment` does not let it wait; both carry what comes later to the next invoice. `reject` refuses it (`period-closed`) from 5 minutes after the period's end. `operator-review` sets it aside once the period is closed.";

export const operatorMetricRoutes =
  ({ listMetrics, createMetric, updateMetric }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    app.get(
      "/operator/metrics",
      {
        config,
        schema: {
          tags,
          summary: "All metrics, the newest first",
          querystring: PageQuery,
          response: { 200: pageOf(MetricDto) },
        },
      },
      (request) => listMetrics(request.query),
    );
    app.post(
      "/operator/metrics",
      {
        config,
        schema: {
          tags,
          summary: "Define a metric",
          description: `Every gateway takes events of it within ten seconds, for accounts whose plan names it. ${policies}`,
          body: CreateMetricBody,
          response: { 201: MetricDto },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await createMetric(credentialOf(request).id, request.body)),
    );
    app.patch(
      "/operator/metrics/:metric",
      {
        config,
        schema: {
          tags,
          summary: "Change a metric's name, group keys or late policy",
          description: policies,
          params: z.object({ metric: MetricName }),
          body: UpdateMetricBody,
          response: { 200: MetricDto },
        },
      },
      (request) => updateMetric(credentialOf(request).id, request.params.metric, request.body),
    );
  };
