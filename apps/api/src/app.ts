import type { AppConfigDto, DemoSessionDto } from "@driftlock/contracts";
import { closeUnfinished, type Logger, type Metrics } from "@driftlock/runtime";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { type FastifyPluginAsyncZod, serializerCompiler } from "fastify-type-provider-zod";
import type { Cluster, Redis } from "ioredis";
import type { Authenticate } from "./auth/authenticate.ts";
import { authPlugin } from "./plugins/auth.ts";
import { answerClientError } from "./plugins/client-errors.ts";
import { contentEncodingPlugin } from "./plugins/content-encoding.ts";
import { docsPlugin } from "./plugins/docs.ts";
import { errorsPlugin, sendProblem } from "./plugins/errors.ts";
import { hostPlugin } from "./plugins/host.ts";
import { jsonBodyPlugin } from "./plugins/json-body.ts";
import { metricsPlugin } from "./plugins/metrics.ts";
import { openapiPlugin } from "./plugins/openapi.ts";
import { rateLimitPlugin } from "./plugins/rate-limit.ts";
import { requestIdOf, requestIdPlugin } from "./plugins/request-id.ts";
import { securityHeadersPlugin } from "./plugins/security-headers.ts";
import { webPlugin } from "./plugins/web.ts";
import { checkoutRoutes } from "./rest/checkout.ts";
import { explainRoutes } from "./rest/explain.ts";
import { invoiceRoutes } from "./rest/invoices.ts";
import { notificationEndpointRoutes } from "./rest/notification-endpoints.ts";
import { operatorAccountRoutes } from "./rest/operator-accounts.ts";
import { operatorAuditRoutes } from "./rest/operator-audit.ts";
import { operatorDunningRoutes } from "./rest/operator-dunning.ts";
import { operatorKeyRoutes } from "./rest/operator-keys.ts";
import { operatorMetricRoutes } from "./rest/operator-metrics.ts";
import { operatorQuarantineRoutes } from "./rest/operator-quarantine.ts";
import { operatorQueueRoutes } from "./rest/operator-queues.ts";
import { operatorReconciliationRoutes } from "./rest/operator-reconciliation.ts";
import { operatorReportRoutes } from "./rest/operator-reports.ts";
import { operatorAdjustmentRoutes, operatorUsageRoutes } from "./rest/operator-usage.ts";
import { planRoutes } from "./rest/plans.ts";
import { alertRoutes } from "./rest/alerts.ts";
import { spendCapRoutes } from "./rest/spend-cap.ts";
import { subscriptionRoutes } from "./rest/subscription.ts";
import { webSessionRoutes } from "./rest/web-session.ts";
import { trpcPlugin } from "./trpc/plugin.ts";
import { createAppRouter } from "./trpc/router.ts";
import type { CustomerUseCases } from "./use-cases/customer-use-cases.ts";
import type { OperatorUseCases } from "./use-cases/operator-use-cases.ts";

export interface AppOptions {
  log: Logger;
  metrics: Metrics;
  authenticate: Authenticate;
  customer: CustomerUseCases;
  operator: OperatorUseCases;
  createDemoSession: ((token: string) => Promise<DemoSessionDto>) | null;
  /** The routes of usage and quota, which bring body parsers of their own. */
  usagePlugins: readonly FastifyPluginAsyncZod[];
  redis: Redis | Cluster;
  appConfig: AppConfigDto;
  publicUrl: string;
  allowedHosts: readonly string[];
  requestsPerSecond: number;
  /** The longest that a request may take to arrive. */
  requestTimeoutMs: number;
  webDistDir: string | null;
}

/** The gateway's HTTP: plugins in the order in which a request meets them, then routes. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { publicUrl, appConfig, customer, operator } = options;
  const app: FastifyInstance = Fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    // Our own lines: plugins/metrics.ts and plugins/errors.ts.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    genReqId: requestIdOf,
    requestTimeout: options.requestTimeoutMs,
    http: {
      // Node takes the smaller of the two for the headers, whichever it is.
      headersTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: options.requestTimeoutMs / 10,
    },
    clientErrorHandler: answerClientError,
    // A batch of procedures is one path segment.
    routerOptions: { maxParamLength: 2_000 },
    // Before any hook, so that the id is told here.
    frameworkErrors: (error, request, reply) =>
      void sendProblem(error, request, reply.header("x-request-id", request.id)),
    // While we drain, what arrives on an open connection is still served.
    return503OnClosing: false,
  });
  const beginClose = closeUnfinished(app.server);
  app.addHook("preClose", async () => beginClose());
  app.setSerializerCompiler(serializerCompiler);
  await app.register(errorsPlugin, { log: options.log });
  await app.register(requestIdPlugin);
  await app.register(metricsPlugin, { metrics: options.metrics, log: options.log });
  await app.register(securityHeadersPlugin, {
    stripeJsUrl: appConfig.stripeJsUrl,
    isSimulator: appConfig.mode === "simulator",
    isHttps: publicUrl.startsWith("https:"),
  });
  await app.register(hostPlugin, {
    publicUrl,
    allowedHosts: options.allowedHosts,
    listeningPort: () => portOf(app),
  });
  await app.register(authPlugin, { authenticate: options.authenticate });
  await app.register(rateLimitPlugin, { redis: options.redis, requestsPerSecond: options.requestsPerSecond });
  await app.register(contentEncodingPlugin);
  await app.register(jsonBodyPlugin);
  await app.register(openapiPlugin, { publicUrl });
  await app.register(docsPlugin);
  for (const routes of [
    planRoutes(customer),
    checkoutRoutes(customer),
    subscriptionRoutes(customer),
    invoiceRoutes(customer),
    explainRoutes(customer),
    notificationEndpointRoutes(customer),
    spendCapRoutes(customer),
    alertRoutes(customer),
    ...options.usagePlugins,
    operatorAccountRoutes(operator),
    operatorKeyRoutes(operator),
    operatorDunningRoutes(operator),
    operatorAuditRoutes(operator),
    operatorMetricRoutes(operator),
    operatorQuarantineRoutes(operator),
    operatorReportRoutes(operator),
    operatorUsageRoutes(operator),
    operatorAdjustmentRoutes(operator),
    operatorQueueRoutes(operator),
    operatorReconciliationRoutes(operator),
    webSessionRoutes({ appConfig, createDemoSession: options.createDemoSession }),
  ]) {
    await app.register(routes);
  }
  await app.register(trpcPlugin, { router: createAppRouter(customer) });
  if (options.webDistDir !== null) await app.register(webPlugin, { distDir: options.webDistDir });
  return app;
}

function portOf(app: FastifyInstance): number | null {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : null;
}
