import { beforeAll, describe, expect, test } from "vitest";
import type { RouteAccess } from "../src/auth/credential.ts";
import { createAppRouter } from "../src/trpc/router.ts";
import { type Answer } from "./helpers.ts";
import { openFileGateway } from "./open-file-gateway.ts";
import { procedures, type Route, routes } from "./route-access.ts";

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
