import type { Metrics } from "@driftlock/runtime";
import fp from "fastify-plugin";

const bucketsSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long requests take, by route and status; and one line for each in the log, at level debug. */
export const metricsPlugin = fp<{ metrics: Metrics }>(async (app, { metrics }) => {
  const duration = metrics.histogram({
    name: "http_request_seconds",
    help: "From a request's first byte to the end of its answer",
    labels: ["method", "route", "status"] as const,
    buckets: bucketsSeconds,
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, routeOptions } = request;
    const status = String(reply.statusCode);
    duration.observe({ method, route: routeOptions.url ?? "none", status }, reply.elapsedTime / 1_000);
    const durationMs = Math.round(reply.elapsedTime);
    request.log.debug({ method, url: request.url, status: reply.statusCode, durationMs }, "request.answered");
  });
});
