import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";

const openSessions = (ctx: SimContext): ObjectOf<"checkout.session">[] =>
  ctx.store.list("checkout.session").filter(({ status }) => status === "open");

/** Simulated unix seconds at which the next open Checkout Session expires. */
export function nextSessionExpiryAt(ctx: SimContext): number | null {
  const instants = openSessions(ctx).map(({ expires_at }) => expires_at);
  return instants.length === 0 ? null : Math.min(...instants);
}

/** Expires every open session whose time has come. */
export function expireSessions(ctx: SimContext): void {
  for (const session of openSessions(ctx)) if (session.expires_at <= ctx.now()) expireSession(ctx, session);
}

/** Expires an open session and emits `checkout.session.expired`; any other state is a 400. */
export function expireSession(
  ctx: SimContext,
  session: ObjectOf<"checkout.session">,
): ObjectOf<"checkout.session"> {
  if (session.status !== "open")
    throw invalidRequest(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
      { param: "session" },
    );
  const expired = ctx.store.update("checkout.session", session.id, { status: "expired", url: null });
  ctx.emit("checkout.session.expired", expired);
  return expired;
}
