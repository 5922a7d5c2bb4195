import type { FastifyInstance } from "fastify";
import { StripeError } from "../errors.ts";
import { finishChallenge } from "../payments/challenge.ts";
import type { Simulation } from "../simulation.ts";
import { finishCheckoutChallenge } from "./checkout.ts";
import { readForm } from "./form.ts";
import { html } from "./html.ts";
import { layout } from "./layout.ts";

/** Registers the bank's page of a 3D Secure challenge, for intents and Checkout Sessions. */
export function registerChallengePage(app: FastifyInstance, sim: Simulation): void {
  app.get<{ Params: { id: string }; Querystring: { framed?: string } }>(
    "/_sim/3ds/:id",
    ({ params, query }, reply) =>
      reply.type("text/html").send(
        layout(
          "Confirm your payment",
          html`<form class="card" method="post" action="/_sim/3ds/${params.id}">${query.framed !== undefined && html`<input type="hidden" name="framed" value="1">`}<h1>Your bank wants to know that it is you</h1>
<p class="soft">This page stands for your bank's. Choose how the authentication ends.</p>
<div class="row"><button name="result" value="pass">Complete authentication</button><button class="plain" name="result" value="fail">Fail authentication</button></div></form>`,
        ),
      ),
  );
  app.post<{ Params: { id: string } }>("/_sim/3ds/:id", ({ params, body }, reply) => {
    const { result, framed } = readForm<{ result?: string; framed?: string }>(body);
    const isPassed = result === "pass";
    try {
      const target = params.id.startsWith("cs_")
        ? finishCheckoutChallenge(sim, params.id, isPassed)
        : sim.transact(null, (ctx) => finishChallenge(ctx, params.id, isPassed)).returnUrl;
      // In a frame the page around it goes on by itself.
      return target === null || framed !== undefined
        ? reply.type("text/html").send(done(isPassed))
        : reply.redirect(target, 303);
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
      return reply
        .code(error.status)
        .type("text/html")
        .send(
          layout(
            "Not possible",
            html`<div class="card"><h1>Not possible</h1><p class="alert" role="alert">${error.body.message}</p></div>`,
          ),
        );
    }
  });
}

const done = (isPassed: boolean): string =>
  layout(
    "Done",
    html`<div class="card"><h1>${isPassed ? "Authentication complete" : "Authentication failed"}</h1><p class="soft">You can close this page.</p></div>`,
  );
