import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Registry } from "prom-client";

const CHECK_TIMEOUT_MS = 2_000;

/** Resolves, with a word on the state if there is one, when what it checks can be used; rejects with the reason. */
export type Check = () => Promise<string | void>;

export interface OpsServer {
  url: string;
  port: number;
  close(): Promise<void>;
}

interface OpsServerOptions {
  host: string;
  port: number;
  /** Read at each request, so that checks can be added while the process comes up. */
  checks: Record<string, Check>;
  registry: Registry;
}

/** `/health/live`, `/health/ready` (200, or 503 problem+json naming every failing check) and `/metrics`. */
export async function startOpsServer({ host, port, checks, registry }: OpsServerOptions): Promise<OpsServer> {
  const routes: Record<string, (response: ServerResponse) => Promise<void>> = {
    "/health/live": async (response) => sendJson(response, 200, { status: "live" }),
    "/health/ready": async (response) => sendReadiness(response, await runChecks(checks)),
    "/metrics": async (response) => {
      const body = await registry.metrics();
      response.writeHead(200, { "content-type": registry.contentType }).end(body);
    },
  };
  const server = createServer((request, response) => {
    const route = routes[(request.url ?? "").split("?")[0] ?? ""];
    if (route === undefined || request.method !== "GET") {
      sendProblem(response, 404, { title: "There is nothing here", code: "NOT_FOUND" });
      return;
    }
    route(response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else
        sendProblem(response, 500, {
          title: "Something went wrong",
          code: "INTERNAL",
          detail: reasonOf(error),
        });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Outcome = { ok: true; detail?: string } | { ok: false; reason: string };

async function runChecks(checks: Record<string, Check>): Promise<Record<string, Outcome>> {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await runCheck(check)] as const),
  );
  return Object.fromEntries(outcomes);
}

async function runCheck(check: Check): Promise<Outcome> {
  const timer = new AbortController();
  const late = delay(CHECK_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`);
  });
  try {
    const detail = await Promise.race([check(), late]);
    return { ok: true, ...(detail !== undefined && { detail }) };
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  } finally {
    timer.abort();
    late.catch(() => {});
  }
}

function sendReadiness(response: ServerResponse, outcomes: Record<string, Outcome>): void {
  const failing = Object.entries(outcomes).flatMap(([name, outcome]) =>
    outcome.ok ? [] : `${name}: ${outcome.reason}`,
  );
  if (failing.length === 0) return sendJson(response, 200, { status: "ready", checks: outcomes });
  const title = "Not ready to serve";
  sendProblem(response, 503, { title, code: "UNAVAILABLE", detail: failing.join("; "), checks: outcomes });
}

function sendProblem(response: ServerResponse, status: number, problem: Record<string, unknown>): void {
  if (status === 503) response.setHeader("retry-after", "1");
  sendJson(response, status, { type: "about:blank", status, ...problem }, "application/problem+json");
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  contentType = "application/json",
): void {
  response
    .writeHead(status, { "content-type": contentType, "cache-control": "no-store" })
    .end(JSON.stringify(body));
}

/** With its cause, which says more to an operator than what a caller is told. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error) || error.message === "") return String(error);
  return error.cause instanceof Error ? `${error.message} (${reasonOf(error.cause)})` : error.message;
}
