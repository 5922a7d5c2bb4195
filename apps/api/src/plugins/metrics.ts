import type { Logger, Metrics } from "@driftlock/runtime";
import type { FastifyBaseLogger, FastifyRequest } from "fastify";
import fp from "fastify-plugin";

const bucketsSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long requests take, by route and status; and one line for each in the log, at level debug. */
export const metricsPlugin = fp<{ metrics: Metrics; log: Logger }>(async (app, { metrics, log }) => {
  const duration = metrics.histogram({
    name: "http_request_seconds",
    help: "From a request's first byte to the end of its answer",
    labels: ["method", "route", "status"] as const,
    buckets: bucketsSeconds,
  });
  const measured = new Map<string, ReturnType<typeof duration.labels>>();
  function measureOf({ method, routeOptions }: FastifyRequest, statusCode: number) {
    const route = routeOptions.url ?? "none";
    const key = `${method} ${route} ${statusCode}`;
    let measure = measured.get(key);
    if (measure === undefined) {
      measure = duration.labels({ method, route, status: String(statusCode) });
      measured.set(key, measure);
    }
    return measure;
  }
  const isTold = log.isLevelEnabled("debug");
  app.addHook("onResponse", (request, reply, done) => {
    measureOf(request, reply.statusCode).observe(reply.elapsedTime / 1_000);
    if (isTold) {
      const durationMs = Math.round(reply.elapsedTime);
      const { id: requestId, method, url } = request;
      log.debug({ requestId, method, url, status: reply.statusCode, durationMs }, "request.answered");
    }
    done();
  });
});

/** For routes that are asked thousands of times a second: a logger for each request costs more than to find its route. */
export const noRequestLog = (log: FastifyBaseLogger): FastifyBaseLogger => log;
