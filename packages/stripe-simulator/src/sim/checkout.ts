import type { FastifyInstance } from "fastify";
import { paySession, resumeSession } from "../checkout/pay-session.ts";
import { invalidRequest, StripeError } from "../errors.ts";
import { render } from "../http/render.ts";
import type { CardInput } from "../payments/payment-methods.ts";
import { newId, type Simulation } from "../simulation.ts";

interface PayBody {
  /** A test card's number, a `pm_card_…` or `tok_…`, or `{ number, exp_month, exp_year, cvc }`. */
  card?: string | CardInput;
  email?: string;
  name?: string;
  /** Passes the bank's challenge where the card asks for one. */
  authenticate?: boolean;
}

/** Registers `POST /_sim/checkout/{sessionId}/pay`: what the Checkout page does, for scripts. 200, or Stripe's error. */
export function registerScriptedCheckout(app: FastifyInstance, sim: Simulation): void {
  app.post<{ Params: { id: string }; Body: string }>("/_sim/checkout/:id/pay", (request, reply) => {
    const meta = { requestId: newId("req").slice(0, 18), idempotencyKey: null };
    void reply.header("request-id", meta.requestId);
    try {
      const body = JSON.parse(request.body || "{}") as PayBody;
      const outcome = sim.transact(meta, (ctx) => {
        const input = { card: cardOf(sim, body.card), email: body.email, name: body.name };
        const first = paySession(ctx, request.params.id, input);
        const goesOn = first.outcome === "requires-action" && body.authenticate === true;
        return goesOn ? resumeSession(ctx, request.params.id) : first;
      });
      if (outcome.outcome === "requires-action")
        throw new StripeError(402, {
          type: "card_error",
          code: "authentication_required",
          decline_code: "authentication_required",
          message: `Your card needs authentication. Open ${outcome.challengeUrl}, or pass authenticate: true.`,
        });
      const session = sim.store.getOrThrow("checkout.session", request.params.id);
      return reply.send({ ...render(session), redirect_url: outcome.redirectUrl });
    } catch (error) {
      const known = error instanceof SyntaxError ? invalidRequest("The body must be JSON: { card }.") : error;
      if (!(known instanceof StripeError)) throw error;
      return reply.code(known.status).send({ error: render(known.body) });
    }
  });
}

/** A bare number gets a far expiry and a CVC. */
function cardOf(sim: Simulation, card: PayBody["card"]): CardInput {
  if (card === undefined)
    throw invalidRequest("Missing required param: card.", { code: "parameter_missing", param: "card" });
  if (typeof card !== "string") return card;
  if (/^(pm_card|tok)_/.test(card)) return { token: card };
  return { number: card, exp_month: 12, exp_year: new Date(sim.nowMs()).getUTCFullYear() + 4, cvc: "123" };
}
