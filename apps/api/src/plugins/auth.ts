import type { FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import type { Authenticate } from "../auth/authenticate.ts";
import { accountOf, type Credential, type RouteAccess, requireScope } from "../auth/credential.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a route asks of its caller. Every route of ours says it. */
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** Who calls; null for nobody. A route with a scope finds one here that has it. */
    credential: Credential | null;
    /** Why the credential that was sent is none. */
    credentialFault: Error | null;
  }
}

const guardedPrefixes = ["/billing/", "/operator/", "/auth/"];

/**
 * Who calls is found out first, so that the rate limit can count by it; whether they may comes after that, before the
 * body is read.
 */
export const authPlugin = fp<{ authenticate: Authenticate }>(async (app, { authenticate }) => {
  app.decorateRequest("credential", null);
  app.decorateRequest("credentialFault", null);
  app.addHook("onRoute", ({ url, config }) => {
    const isGuarded = guardedPrefixes.some((prefix) => `${url}/`.startsWith(prefix));
    if (isGuarded && config?.access === undefined) throw new Error(`the route ${url} says nothing of access`);
  });
  app.addHook("onRequest", (request, _reply, done) => {
    const refuse = (error: Error) => void (request.credentialFault = error);
    try {
      const found = authenticate(request.headers.authorization);
      if (found instanceof Promise) {
        const admit = (credential: Credential | null) => void (request.credential = credential);
        void found.then(admit, refuse).finally(done);
        return;
      }
      request.credential = found;
    } catch (error) {
      refuse(error as Error);
    }
    done();
  });
  app.addHook("preParsing", (request, _reply, _payload, done) => {
    const access = request.routeOptions.config.access ?? "public";
    if (access === "public") return done();
    if (request.credentialFault !== null) return done(request.credentialFault);
    try {
      requireScope(request.credential, access);
    } catch (error) {
      return done(error as Error);
    }
    done();
  });
});

/** The credential of a route that asks for a scope. */
export function credentialOf(request: FastifyRequest): Credential {
  if (request.credential === null)
    throw new Error(`${request.routeOptions.url} is public and asks who calls`);
  return request.credential;
}

/** The account that a validated request is about: see `accountOf`. */
export function requestAccount(request: FastifyRequest): string {
  const named = (part: unknown) => (part as { accountId?: string } | null | undefined)?.accountId;
  return accountOf(credentialOf(request), named(request.query), named(request.body));
}
