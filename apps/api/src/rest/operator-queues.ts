import { FailedJobDto, PageQuery, pageOf, QueueDto } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<OperatorUseCases, "listQueues" | "listFailedJobs" | "retryFailedJob">;

export const operatorQueueRoutes =
  ({ listQueues, listFailedJobs, retryFailedJob }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    app.get(
      "/operator/queues",
      {
        config,
        schema: { tags, summary: "How deep and how old each queue is", response: { 200: pageOf(QueueDto) } },
      },
      () => listQueues(),
    );
    app.get(
      "/operator/queues/:queue/failed",
      {
        config,
        schema: {
          tags,
          summary: "Jobs that failed for good, the latest first",
          params: z.object({ queue: z.string() }),
          querystring: PageQuery,
          response: { 200: pageOf(FailedJobDto) },
        },
      },
      (request) => listFailedJobs(request.params.queue, request.query),
    );
    app.post(
      "/operator/queues/:queue/failed/:jobId/retry",
      {
        config,
        schema: {
          tags,
          summary: "Give a failed job all its attempts again",
          params: z.object({ queue: z.string(), jobId: z.string() }),
          response: { 202: z.object({ queue: z.string(), id: z.string() }) },
        },
      },
      async (request, reply) => {
        const { queue, jobId } = request.params;
        await retryFailedJob(credentialOf(request).id, queue, jobId);
        return reply.code(202).send({ queue, id: jobId });
      },
    );
  };
