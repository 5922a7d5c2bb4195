import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { SimContext } from "../context.ts";
import { invalidRequest, StripeError, type StripeErrorBody } from "../errors.ts";
import { newId, type RequestMeta, type Simulation } from "../simulation.ts";
import { API_VERSION } from "../version.ts";
import { authenticate, isPinnedVersion } from "./authenticate.ts";
import { decodeForm, decodeJson } from "./decode.ts";
import { answerWithFault, takeApiFault } from "./faults.ts";
import { createRateLimits } from "./rate-limits.ts";
import { createExpander, type Includes } from "./expand.ts";
import { findReplay, fingerprint } from "./idempotency.ts";
import { render } from "./render.ts";
import { paginate } from "./paginate.ts";
import type { Route } from "./routes.ts";
import type { Contract } from "./contract.ts";

interface ApiDeps {
  sim: Simulation;
  routes: Route[];
  includes: Includes;
  contract: Contract;
  log: { error(detail: object, message: string): void };
}

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** Registers Stripe's API: around each route its key, version, idempotency, validation both ways, expansion and errors. */
export function registerApi(app: FastifyInstance, deps: ApiDeps): void {
  const rateLimits = createRateLimits(deps.sim);
  for (const route of deps.routes)
    app.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) =>
        answer(request, reply, (meta) => {
          const path = request.url.split("?")[0] ?? "";
          rateLimits.take(path);
          const fault = takeApiFault(deps.sim, route.method, path);
          const work = () => execute(deps, route, request, meta);
          return fault === undefined ? work() : answerWithFault(fault, work);
        }),
    });
  app.setNotFoundHandler((request, reply) =>
    answer(request, reply, () => {
      throw new StripeError(404, {
        type: "invalid_request_error",
        message: `Unrecognized request URL (${request.method}: ${request.url.split("?")[0]}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
      });
    }),
  );

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (meta: RequestMeta) => Answer | Promise<Answer | null>,
  ) {
    const idempotencyKey = request.headers["idempotency-key"]?.toString() ?? null;
    const meta = { requestId: newId("req").slice(0, 18), idempotencyKey };
    void reply.header("request-id", meta.requestId).header("stripe-version", API_VERSION);
    if (idempotencyKey !== null) void reply.header("idempotency-key", idempotencyKey);
    try {
      const made = await work(meta);
      if (made === null) {
        reply.hijack();
        request.raw.socket.destroy();
        return;
      }
      const { status, body, headers } = made;
      return reply
        .code(status)
        .headers(headers ?? {})
        .send(body);
    } catch (error) {
      if (error instanceof StripeError) {
        if (error.rateLimitReason !== null)
          void reply.header("stripe-rate-limited-reason", error.rateLimitReason);
        if (error.shouldRetry !== null) void reply.header("stripe-should-retry", String(error.shouldRetry));
        return reply.code(error.status).send(errorBody(error.body, meta));
      }
      deps.log.error({ err: error, url: request.url, requestId: meta.requestId }, "request.failed");
      return reply
        .code(500)
        .send(errorBody({ type: "api_error", message: `The simulator failed: ${String(error)}` }, meta));
    }
  }
}

function execute(
  { sim, includes, contract }: ApiDeps,
  route: Route,
  request: FastifyRequest,
  meta: RequestMeta,
): Answer {
  const credential = authenticate(request.headers.authorization);
  const isPinned = isPinnedVersion(request.headers["stripe-version"]?.toString());
  const { expand, client_secret: clientSecret = null, ...raw } = rawParams(route, request);
  if (clientSecret !== null && (route.browsers !== "with-client-secret" || typeof clientSecret !== "string"))
    throw invalidRequest("Received unknown parameter: client_secret", {
      code: "parameter_unknown",
      param: "client_secret",
    });
  if (credential.isPublishable && clientSecret === null && route.browsers !== "always")
    throw new StripeError(403, {
      type: "invalid_request_error",
      code: "secret_key_required",
      message: "This API call cannot be made with a publishable API key. Please use a secret API key.",
    });
  const url = request.url.split("?")[0] ?? "";
  const print = fingerprint(route.method, url, { expand, clientSecret, ...raw });
  const replayId =
    meta.idempotencyKey === null || route.method === "GET"
      ? null
      : `${credential.key} ${meta.idempotencyKey}`;
  const replay = replayId === null ? undefined : findReplay(sim, replayId, print);
  if (replay !== undefined)
    return { status: replay.status, body: replay.body, headers: { "idempotent-replayed": "true" } };

  const params = contract.decode(route.params, raw, {
    isPinned,
    isJson: route.method !== "GET" && route.path.startsWith("/v2/"),
  });
  refuseUnsupported(route, params);
  const paths = expandPaths(expand);
  return sim.transact(meta, (ctx) => {
    const path = request.params as Record<string, string>;
    const answer = attempt(meta, {
      handle: () =>
        route.handler(ctx, {
          params: params as never,
          path,
          idempotencyKey: meta.idempotencyKey,
          clientSecret,
        }),
      shape: (result) => shape(ctx, { route, result, paths, params, url, includes, contract }),
    });
    if (replayId !== null)
      ctx.store.put("sim.idempotency", {
        id: replayId,
        fingerprint: print,
        createdAtMs: sim.wallNowMs(),
        ...answer,
      });
    return answer;
  });
}

/**
 * A StripeError thrown by a handler is its answer: what it wrote before is kept, as a declined charge is. One thrown
 * while the answer is shaped (a wrong `expand`) ends the transaction instead.
 */
function attempt(
  meta: RequestMeta,
  steps: { handle: () => object; shape: (result: object) => unknown },
): { status: number; body: unknown } {
  let result: object;
  try {
    result = steps.handle();
  } catch (error) {
    if (!(error instanceof StripeError)) throw error;
    return { status: error.status, body: errorBody(error.body, meta) };
  }
  return { status: 200, body: steps.shape(result) };
}

interface Shaping {
  route: Route;
  result: object | object[];
  paths: string[];
  params: Record<string, unknown>;
  url: string;
  includes: Includes;
  contract: Contract;
}

function shape(ctx: SimContext, { route, result, paths, params, url, includes, contract }: Shaping): unknown {
  const expand = createExpander(ctx, includes);
  if (!route.isList) return contract.checkAnswer(route.response, expand(result, paths));
  const page = route.path.startsWith("/v2/")
    ? { data: result as object[], next_page_url: null, previous_page_url: null }
    : paginate(result as object[], params, url);
  const inner = paths.map((path) => {
    if (path.startsWith("data.")) return path.slice("data.".length);
    throw invalidRequest(`This property cannot be expanded (${path}). You want to expand data.${path}.`, {
      param: "expand",
    });
  });
  return {
    ...page,
    data: page.data.map((each) => contract.checkAnswer(route.response, expand(each, inner))),
  };
}

function rawParams(route: Route, request: FastifyRequest): Record<string, unknown> {
  const query = decodeForm(request.url.split("?")[1] ?? "");
  if (route.method === "GET") return query;
  const body = typeof request.body === "string" ? request.body : "";
  return { ...query, ...(route.path.startsWith("/v2/") ? decodeJson(body) : decodeForm(body)) };
}

function refuseUnsupported({ unsupported = [] }: Route, params: Record<string, unknown>): void {
  const param = unsupported.find((each) => params[each] !== undefined && params[each] !== "");
  if (param !== undefined)
    throw invalidRequest(`The simulator does not implement the parameter ${param}.`, {
      code: "parameter_not_simulated",
      param,
    });
}

function expandPaths(expand: unknown): string[] {
  if (expand === undefined) return [];
  if (Array.isArray(expand) && expand.every((path) => typeof path === "string")) return expand;
  throw invalidRequest("Invalid array", { param: "expand" });
}

const errorBody = (body: StripeErrorBody, meta: RequestMeta) => ({
  error: {
    ...render(body),
    ...(body.code === undefined
      ? {}
      : { doc_url: `https://docs.stripe.com/error-codes/${body.code.replaceAll("_", "-")}` }),
    request_log_url: `https://dashboard.stripe.com/test/logs/${meta.requestId}`,
  },
});
