import type { SimContext } from "../context.ts";
import type { Stored } from "../stored.ts";

/** What a handler gets of a request: decoded, coerced and validated parameters (query or body), and the path's ids. */
export interface SimRequest<P> {
  params: Stored<P>;
  path: Record<string, string>;
  idempotencyKey: string | null;
  /** What a browser proves itself with: the call came with a publishable key. Public routes only. */
  clientSecret: string | null;
}

export interface RouteOptions {
  /** Name of the parameters' type in the `stripe` package, as in `Checkout.SessionCreateParams`; without it none are taken. */
  params?: string;
  /** Name of the answer's type, as in `Customer`; several where the answer is a union. */
  response?: string | string[];
  /** Parameters that Stripe takes and the simulator does not act upon: refused, never ignored. */
  unsupported?: string[];
  /** May be called with a publishable key: always, or with the object's client secret. */
  browsers?: "always" | "with-client-secret";
}

export interface Route extends RouteOptions {
  method: "GET" | "POST" | "DELETE";
  path: string;
  isList: boolean;
  handler: (ctx: SimContext, request: SimRequest<never>) => object | object[];
}

/**
 * One API route. `path` is like `/v1/customers/:id`; the handler is synchronous and returns the stored object:
 * idempotency, validation both ways, expansion, errors and the transaction are done around it.
 */
export const route = <P = object>(
  method: Route["method"],
  path: string,
  options: RouteOptions,
  handler: (ctx: SimContext, request: SimRequest<P>) => object,
): Route => ({ method, path, ...options, isList: false, handler: handler as unknown as Route["handler"] });

/**
 * A list route: the handler returns every match newest first, and `limit`, `starting_after`, `ending_before` and
 * `has_more` are done around it. `response` is the type of one element.
 */
export const listRoute = <P = object>(
  path: string,
  options: RouteOptions,
  handler: (ctx: SimContext, request: SimRequest<P>) => object[],
): Route => ({
  method: "GET",
  path,
  ...options,
  isList: true,
  handler: handler as unknown as Route["handler"],
});
