import type { FastifyInstance } from "fastify";
import { paySession, resumeSession } from "../checkout/pay-session.ts";
import { StripeError } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";
import type { Simulation } from "../simulation.ts";
import { type CardFields, cardFields, cardFromForm } from "./card-form.ts";
import { readForm } from "./form.ts";
import { type Html, html, money } from "./html.ts";
import { layout } from "./layout.ts";

type Session = ObjectOf<"checkout.session">;

/** Registers the hosted Checkout page at a session's `url`. */
export function registerCheckoutPage(app: FastifyInstance, sim: Simulation): void {
  app.get<{ Params: { id: string }; Querystring: { error?: string } }>(
    "/c/pay/:id",
    ({ params, query }, reply) => {
      const session = sim.store.get("checkout.session", params.id);
      const page = session === undefined ? missing() : show(sim, session, {}, query.error);
      return reply
        .code(session === undefined ? 404 : 200)
        .type("text/html")
        .send(page);
    },
  );

  app.post<{ Params: { id: string } }>("/c/pay/:id", (request, reply) => {
    const form = readForm<CardFields>(request.body);
    const session = sim.store.get("checkout.session", request.params.id);
    if (session === undefined) return reply.code(404).type("text/html").send(missing());
    try {
      const input = {
        card: cardFromForm(form),
        email: form.email || undefined,
        name: form.name || undefined,
      };
      const outcome = sim.transact(null, (ctx) => paySession(ctx, session.id, input));
      return reply.redirect(outcome.outcome === "complete" ? outcome.redirectUrl : outcome.challengeUrl, 303);
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
      return reply
        .code(error.status)
        .type("text/html")
        .send(show(sim, session, form, error.body.message));
    }
  });
}

/** Ends the challenge of a Checkout Session: where to go, with the decline in words when it failed. */
export function finishCheckoutChallenge(sim: Simulation, sessionId: string, isPassed: boolean): string {
  const back = (message: string) => `${sim.baseUrl}/c/pay/${sessionId}?error=${encodeURIComponent(message)}`;
  if (!isPassed)
    return back(
      "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
    );
  try {
    const outcome = sim.transact(null, (ctx) => resumeSession(ctx, sessionId));
    return outcome.outcome === "complete" ? outcome.redirectUrl : outcome.challengeUrl;
  } catch (error) {
    if (error instanceof StripeError) return back(error.body.message);
    throw error;
  }
}

const missing = (): string =>
  layout(
    "Not found",
    html`<div class="card"><h1>This page does not exist</h1><p class="soft">The link may be wrong, or the simulator's data was removed.</p></div>`,
  );

function show(sim: Simulation, session: Session, values: CardFields, error?: string): string {
  if (session.status !== "open") return layout("Checkout", closed(session));
  const cancel =
    session.cancel_url === null
      ? null
      : html`<p><a href="${session.cancel_url}">← Cancel and go back</a></p>`;
  const title = session.mode === "setup" ? "Save a card" : "Subscribe";
  return layout(
    title,
    html`${cancel}<section class="card" aria-label="Order">${session.mode === "setup" ? html`<h1>Save a card</h1><p class="soft">It is used for later payments. Nothing is charged now.</p>` : order(sim, session)}</section>
<form class="card" method="post" action="/c/pay/${session.id}">
<h2>Payment details</h2>
${error !== undefined && html`<div class="alert" role="alert">${error}</div>`}
<label for="email">Email</label>
<input id="email" name="email" type="email" autocomplete="email" required value="${values.email ?? emailOf(sim, session)}">
${cardFields(values)}
<button class="full" type="submit">${session.mode === "setup" ? "Save card" : `Pay ${money(session.amount_total ?? 0, session.currency ?? "usd")} and subscribe`}</button>
</form>
<p class="soft">Try 4242 4242 4242 4242 with any date ahead and any code; 4000 0000 0000 0002 is declined, 4000 0027 6000 3184 asks for authentication.</p>`,
  );
}

function order(sim: Simulation, session: Session): Html {
  const rows = session._checkout.lineItems.map(({ price: priceId, quantity }) => {
    const price = sim.store.getOrThrow("price", priceId);
    const name = sim.store.get("product", price.product)?.name ?? "Item";
    const amount =
      price.unit_amount === null ? "by usage" : money(price.unit_amount * (quantity ?? 1), price.currency);
    return html`<tr><td>${price.nickname ?? name}</td><td class="number">${amount}</td></tr>`;
  });
  const first = sim.store.getOrThrow("price", session._checkout.lineItems[0]?.price ?? "");
  const interval = first.recurring?.interval ?? "month";
  return html`<h1>Subscribe to ${sim.store.get("product", first.product)?.name ?? "the plan"}</h1>
<p class="price">${money(session.amount_total ?? 0, session.currency ?? "usd")} <span class="soft" style="font-size:1rem;font-weight:400">per ${interval}</span></p>
<table>${rows}<tr><td><strong>Due today</strong></td><td class="number"><strong>${money(session.amount_total ?? 0, session.currency ?? "usd")}</strong></td></tr></table>`;
}

const closed = (session: Session): Html =>
  session.status === "complete"
    ? html`<div class="card"><h1>You're all done here</h1><p class="soft">This checkout was completed. You can close this page.</p></div>`
    : html`<div class="card"><h1>This checkout has expired</h1><p class="soft">Go back and start again; nothing was charged.</p></div>`;

const emailOf = (sim: Simulation, session: Session): string =>
  session.customer_email ??
  (session.customer === null ? "" : (sim.store.get("customer", session.customer)?.email ?? ""));
