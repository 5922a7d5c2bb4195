import { randomUUID } from "node:crypto";
import { closeUnfinished, type Logger, type Metrics } from "@driftlock/runtime";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { registerErrors } from "./plugins/errors.ts";
import { type StripeWebhookDeps, stripeWebhookRoutes } from "./routes/stripe-webhook.ts";

/** The ingester over HTTP: one route. */
export function buildApp({
  log,
  metrics,
  ...deps
}: StripeWebhookDeps & { log: Logger; metrics: Metrics }): FastifyInstance {
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    // Fastify's own count begins again with each process; the id goes with the job into the worker's lines.
    genReqId: () => randomUUID(),
    forceCloseConnections: "idle",
  });
  // A logger for each request costs more than to find its route; lines about one name its id themselves.
  app.setChildLoggerFactory((logger) => logger);
  const beginClose = closeUnfinished(app.server);
  app.addHook("preClose", async () => beginClose());
  registerErrors(app);
  const deliveries = metrics.counter({
    name: "webhook_deliveries_total",
    help: "Stripe's deliveries by the status they were answered with",
    labels: ["status"] as const,
  });
  app.addHook("onResponse", ({ routeOptions }, { statusCode }, done) => {
    if (routeOptions.url !== undefined) deliveries.inc({ status: String(statusCode) });
    done();
  });
  app.register(stripeWebhookRoutes(deps));
  return app;
}
