import { beforeAll, describe, expect, test } from "vitest";
import type { RouteAccess } from "../src/auth/credential.ts";
import { createAppRouter } from "../src/trpc/router.ts";
import { type Answer } from "./helpers.ts";
import { openFileGateway } from "./open-file-gateway.ts";

interface Route {
  method: string;
  path: string;
  access: RouteAccess;
  body?: unknown;
  query?: string;
  /** About one account, which a caller may try to be another's. */
  isOfAccount?: boolean;
}

const ofAccount = { isOfAccount: true };

/** Every route of the gateway with what it asks of its caller (DESIGN 9); the last test fails where one is missing. */
const routes: Route[] = [
  { method: "GET", path: "/billing/plans", access: "public" },
  { method: "GET", path: "/app-config.json", access: "public" },
  { method: "POST", path: "/auth/demo-session", access: "public", body: {} },
  {
    method: "POST",
    path: "/billing/checkout",
    access: "billing:write",
    body: { planId: "free" },
    ...ofAccount,
  },
  { method: "GET", path: "/billing/subscription", access: "billing:read", ...ofAccount },
  {
    method: "PATCH",
    path: "/billing/subscription",
    access: "billing:write",
    body: { planId: "pro" },
    ...ofAccount,
  },
  { method: "DELETE", path: "/billing/subscription", access: "billing:write", ...ofAccount },
  { method: "POST", path: "/billing/subscription/resume", access: "billing:write", body: {}, ...ofAccount },
  { method: "GET", path: "/billing/invoices", access: "billing:read", ...ofAccount },
  { method: "GET", path: "/billing/invoices/{id}", access: "billing:read", ...ofAccount },
  { method: "GET", path: "/billing/invoices/{id}/explain", access: "billing:read", ...ofAccount },
  ...["events", "reports"].map((part) => ({
    method: "GET",
    path: `/billing/invoices/{id}/explain/${part}`,
    access: "billing:read" as const,
    query: "metric=events",
    ...ofAccount,
  })),
  { method: "POST", path: "/billing/invoices/{id}/confirmation", access: "billing:write", ...ofAccount },
  { method: "POST", path: "/billing/portal", access: "billing:write", body: {}, ...ofAccount },
  { method: "POST", path: "/billing/payment-method", access: "billing:write", body: {}, ...ofAccount },
  { method: "GET", path: "/billing/notification-endpoints", access: "billing:read", ...ofAccount },
  {
    method: "PUT",
    path: "/billing/notification-endpoints",
    access: "billing:write",
    body: { endpoints: [] },
    ...ofAccount,
  },
  { method: "POST", path: "/billing/usage", access: "usage:write", body: [] },
  { method: "GET", path: "/billing/usage", access: "billing:read", ...ofAccount },
  {
    method: "GET",
    path: "/billing/usage/series",
    access: "billing:read",
    query: "metric=events",
    ...ofAccount,
  },
  { method: "GET", path: "/billing/usage/export", access: "billing:read", ...ofAccount },
  { method: "GET", path: "/billing/usage/events/{eventId}", access: "billing:read", ...ofAccount },
  { method: "GET", path: "/billing/entitlements", access: "billing:read", ...ofAccount },
  {
    method: "POST",
    path: "/billing/quota/check",
    access: ["usage:write", "billing:read"],
    body: { items: [{ metric: "events" }] },
    ...ofAccount,
  },
  ...["", "/{id}/commit", "/{id}/release"].map((path) => ({
    method: "POST",
    path: `/billing/quota/reservations${path}`,
    access: "usage:write" as const,
    body: path === "" ? { id: "r", items: [{ metric: "events" }], ttlSeconds: 1 } : {},
    ...ofAccount,
  })),
  { method: "GET", path: "/billing/alerts", access: "billing:read", ...ofAccount },
  {
    method: "PUT",
    path: "/billing/alerts",
    access: "billing:write",
    body: { metrics: [] },
    ...ofAccount,
  },
  { method: "GET", path: "/billing/spend-cap", access: "billing:read", ...ofAccount },
  {
    method: "PUT",
    path: "/billing/spend-cap",
    access: "billing:write",
    body: { amountMinor: null },
    ...ofAccount,
  },
  { method: "POST", path: "/operator/accounts", access: "operator", body: {} },
  { method: "GET", path: "/operator/accounts", access: "operator" },
  { method: "GET", path: "/operator/accounts/{id}", access: "operator" },
  { method: "POST", path: "/operator/keys", access: "operator", body: { scopes: ["operator"] } },
  { method: "GET", path: "/operator/keys", access: "operator" },
  { method: "POST", path: "/operator/keys/{id}/roll", access: "operator" },
  { method: "DELETE", path: "/operator/keys/{id}", access: "operator" },
  { method: "GET", path: "/operator/dunning", access: "operator" },
  { method: "GET", path: "/operator/dunning/{invoiceId}", access: "operator" },
  { method: "POST", path: "/operator/dunning/{invoiceId}/retry", access: "operator" },
  { method: "POST", path: "/operator/dunning/{invoiceId}/stop", access: "operator" },
  { method: "GET", path: "/operator/disputes", access: "operator" },
  {
    method: "POST",
    path: "/operator/metrics",
    access: "operator",
    body: { metric: "m", name: "M", aggregation: "sum", unit: "m" },
  },
  { method: "GET", path: "/operator/metrics", access: "operator" },
  { method: "PATCH", path: "/operator/metrics/{metric}", access: "operator", body: { name: "M" } },
  { method: "GET", path: "/operator/quarantine", access: "operator" },
  { method: "POST", path: "/operator/quarantine/preview", access: "operator", body: { ids: ["1"] } },
  { method: "POST", path: "/operator/quarantine/{id}/replay", access: "operator" },
  { method: "POST", path: "/operator/quarantine/{id}/discard", access: "operator" },
  { method: "GET", path: "/operator/reports", access: "operator" },
  { method: "POST", path: "/operator/reports/{identifier}/at-stripe", access: "operator", body: {} },
  { method: "POST", path: "/operator/reports/{identifier}/missing", access: "operator", body: {} },
  { method: "POST", path: "/operator/usage/late-preview", access: "operator", body: [] },
  { method: "GET", path: "/operator/usage/adjustments", access: "operator" },
  { method: "POST", path: "/operator/usage/adjustments/{id}/bill", access: "operator" },
  { method: "POST", path: "/operator/usage/adjustments/{id}/waive", access: "operator" },
  { method: "GET", path: "/operator/audit", access: "operator" },
  { method: "GET", path: "/operator/queues", access: "operator" },
  { method: "GET", path: "/operator/reconciliation", access: "operator" },
  { method: "GET", path: "/operator/reconciliation/stripe", access: "operator" },
  { method: "GET", path: "/operator/reconciliation/report", access: "operator" },
  { method: "GET", path: "/billing/report-keys", access: "public" },
  { method: "POST", path: "/operator/reconciliation/report-keys", access: "operator" },
  { method: "POST", path: "/operator/reconciliation/{id}/repair", access: "operator", body: {} },
  { method: "GET", path: "/operator/queues/{queue}/failed", access: "operator" },
  { method: "POST", path: "/operator/queues/{queue}/failed/{jobId}/retry", access: "operator" },
];

/** Every procedure, likewise. */
const procedures: Record<string, { type: "query" | "mutation"; access: RouteAccess; input?: object }> = {
  "plans.list": { type: "query", access: "public" },
  "checkout.create": { type: "mutation", access: "billing:write", input: { planId: "free" } },
  "subscription.get": { type: "query", access: "billing:read" },
  "subscription.preview": { type: "query", access: "billing:write", input: { planId: "pro" } },
  "subscription.change": { type: "mutation", access: "billing:write", input: { planId: "pro" } },
  "subscription.cancel": { type: "mutation", access: "billing:write" },
  "subscription.resume": { type: "mutation", access: "billing:write" },
  "usage.get": { type: "query", access: "billing:read" },
  "usage.findEvent": { type: "query", access: "billing:read", input: { eventId: "e1" } },
  "usage.series": { type: "query", access: "billing:read", input: { metric: "events" } },
  "alerts.get": { type: "query", access: "billing:read" },
  "alerts.set": { type: "mutation", access: "billing:write", input: { metrics: [] } },
  "spendCap.get": { type: "query", access: "billing:read" },
  "spendCap.set": { type: "mutation", access: "billing:write", input: { amountMinor: null } },
  "entitlements.get": { type: "query", access: "billing:read" },
  "invoices.list": { type: "query", access: "billing:read" },
  "invoices.get": { type: "query", access: "billing:read", input: { invoiceId: "in_1" } },
  "invoices.explain": { type: "query", access: "billing:read", input: { invoiceId: "in_1" } },
  "invoices.events": {
    type: "query",
    access: "billing:read",
    input: { invoiceId: "in_1", metric: "events" },
  },
  "invoices.reports": {
    type: "query",
    access: "billing:read",
    input: { invoiceId: "in_1", metric: "events" },
  },
  "invoices.confirm": { type: "mutation", access: "billing:write", input: { invoiceId: "in_1" } },
  "portal.create": { type: "mutation", access: "billing:write" },
  "paymentMethod.setup": { type: "mutation", access: "billing:write" },
  "notificationEndpoints.list": { type: "query", access: "billing:read" },
  "notificationEndpoints.replace": { type: "mutation", access: "billing:write", input: { endpoints: [] } },
};

interface Caller {
  bearer: string | undefined;
  /** What it may; null where the credential is none. */
  scopes: readonly string[] | null;
  isService?: boolean;
}

const gateway = await openFileGateway();
let own: string;
let other: string;
const callers = new Map<string, Caller>();
const callerNames = [
  "nobody",
  "no key of ours",
  "an unknown key",
  "a revoked key",
  "a live key that nobody made",
  "a key that writes usage",
  "a key that reads",
  "a key that writes",
  "a service key",
  "a service key for usage alone",
  "an operator",
  "a user",
  "a user who reads",
  "a user whose token claims more than a user has",
  "a user without scopes",
  "an expired token",
  "a token of another issuer",
  "a token that names no account",
  "a token signed by nobody",
];

beforeAll(async () => {
  own = await gateway.openAccount();
  other = await gateway.openAccount();
  const revoked = await gateway.request("POST", "/operator/keys", {
    bearer: gateway.operatorKey,
    body: { scopes: ["billing:read", "billing:write"], accountId: own },
  });
  await gateway.request("DELETE", `/operator/keys/${revoked.body.id}`, { bearer: gateway.operatorKey });
  const token = (claims: object, options?: { expiresAt?: number }) =>
    gateway.signToken({ account_id: own, ...claims }, options);
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${(await token({})).split(".")[1]}.`;
  const all = ["usage:write", "billing:read", "billing:write"];
  const made: [string, Caller][] = [
    ["nobody", { bearer: undefined, scopes: null }],
    ["no key of ours", { bearer: "sk_test_123", scopes: null }],
    ["an unknown key", { bearer: `dlk_test_${"0".repeat(32)}`, scopes: null }],
    ["a revoked key", { bearer: revoked.body.key, scopes: null }],
    ["a live key that nobody made", { bearer: `dlk_live_${"0".repeat(32)}`, scopes: null }],
    [
      "a key that writes usage",
      { bearer: await gateway.addKey(["usage:write"], own), scopes: ["usage:write"] },
    ],
    ["a key that reads", { bearer: await gateway.addKey(["billing:read"], own), scopes: ["billing:read"] }],
    [
      "a key that writes",
      { bearer: await gateway.addKey(["billing:write"], own), scopes: ["billing:write"] },
    ],
    ["a service key", { bearer: gateway.serviceKey, scopes: all, isService: true }],
    [
      "a service key for usage alone",
      { bearer: await gateway.addKey(["service", "usage:write"]), scopes: ["usage:write"], isService: true },
    ],
    ["an operator", { bearer: gateway.operatorKey, scopes: ["operator"] }],
    ["a user", { bearer: await token({}), scopes: ["billing:read", "billing:write"] }],
    ["a user who reads", { bearer: await token({ scope: "openid billing:read" }), scopes: ["billing:read"] }],
    [
      "a user whose token claims more than a user has",
      { bearer: await token({ scope: "usage:write operator service" }), scopes: [] },
    ],
    ["a user without scopes", { bearer: await token({ scope: undefined }), scopes: [] }],
    ["an expired token", { bearer: await token({}, { expiresAt: 1_700_000_000 }), scopes: null }],
    [
      "a token of another issuer",
      { bearer: await gateway.signToken({ account_id: own }, { issuer: "evil" }), scopes: null },
    ],
    ["a token that names no account", { bearer: await token({ account_id: "../x" }), scopes: null }],
    ["a token signed by nobody", { bearer: unsigned, scopes: null }],
  ];
  for (const [name, caller] of made) callers.set(name, caller);
});

const callerOf = (name: string): Caller => {
  const caller = callers.get(name);
  if (caller === undefined) throw new Error(`no caller "${name}"`);
  return caller;
};

const mayCall = ({ scopes }: Caller, access: RouteAccess): boolean =>
  [access].flat().some((scope) => scopes?.includes(scope));

/** 401 for who is nobody, 403 for who lacks the scope, and neither for who may. */
function expectVerdict(label: string, answer: Answer, caller: Caller, access: RouteAccess) {
  if (caller.scopes === null) expect(answer.status, label).toBe(401);
  else if (!mayCall(caller, access)) expect(answer.status, label).toBe(403);
  else expect([401, 403, 500], `${label}: ${JSON.stringify(answer.body)}`).not.toContain(answer.status);
}

const urlOf = ({ path, query = "" }: Route, accountId?: string) =>
  `${path.replaceAll(/\{\w+\}/g, "x")}?${query}${accountId === undefined ? "" : `&accountId=${accountId}`}`;

describe.each(callerNames)("%s", (name) => {
  test("may call what its scopes say, and nothing else", async () => {
    const caller = callerOf(name);
    for (const route of routes) {
      if (route.access === "public") continue;
      const named = route.isOfAccount && caller.isService ? own : undefined;
      const answer = await gateway.request(route.method, urlOf(route, named), {
        bearer: caller.bearer,
        body: route.body,
      });
      expectVerdict(`${route.method} ${route.path}`, answer, caller, route.access);
    }
  });

  test("sees no other account than its own", async () => {
    const caller = callerOf(name);
    for (const route of routes) {
      if (!route.isOfAccount || caller.isService || !mayCall(caller, route.access)) continue;
      for (const foreign of [other, "nobody"]) {
        const answer = await gateway.request(route.method, urlOf(route, foreign), {
          bearer: caller.bearer,
          body: route.body,
        });
        expect(answer, `${route.method} ${route.path}`).toMatchObject({
          status: 404,
          body: { code: "ACCOUNT_NOT_FOUND" },
        });
      }
    }
  });

  test("may call the procedures that its scopes say", async () => {
    const caller = callerOf(name);
    for (const [path, { type, access, input = {} }] of Object.entries(procedures)) {
      const whole = caller.isService ? { ...input, accountId: own } : input;
      const answer =
        type === "query"
          ? await gateway.request(
              "GET",
              `/trpc/${path}?input=${encodeURIComponent(JSON.stringify(whole))}`,
              caller,
            )
          : await gateway.request("POST", `/trpc/${path}`, { bearer: caller.bearer, body: whole });
      if (access === "public") expect(answer.status, path).toBe(200);
      else expectVerdict(path, answer, caller, access);
    }
  });
});

test("public routes answer whoever calls", async () => {
  for (const route of routes.filter(({ access }) => access === "public")) {
    for (const bearer of [undefined, gateway.operatorKey]) {
      const { status } = await gateway.request(route.method, urlOf(route), { bearer, body: route.body });
      expect([200, 422], route.path).toContain(status);
    }
  }
});

test("the tables above name every route and every procedure", async () => {
  const { body } = await gateway.request("GET", "/openapi.json");
  const served = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(routes.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort());
  const router = createAppRouter({} as never);
  expect(Object.keys(procedures).sort()).toEqual(Object.keys(router._def.procedures).sort());
});
