import type { FastifyInstance } from "fastify";
import { payInvoice } from "../billing/pay-invoice.ts";
import type { ObjectOf } from "../objects.ts";
import { attachPaymentMethod, createCard } from "../payments/payment-methods.ts";
import type { Simulation } from "../simulation.ts";
import { act } from "./act.ts";
import { type CardFields, cardFields, cardFromForm } from "./card-form.ts";
import { readForm } from "./form.ts";
import { day, type Html, html, money } from "./html.ts";
import { layout } from "./layout.ts";
import { textPdf } from "./pdf.ts";

type Invoice = ObjectOf<"invoice">;

/** Registers the hosted page of an invoice, where an open one can be paid, and its PDF. */
export function registerInvoicePage(app: FastifyInstance, sim: Simulation): void {
  app.get<{ Params: { id: string } }>("/_pages/invoices/:id", ({ params }, reply) => {
    const invoice = sim.store.get("invoice", params.id);
    return reply
      .code(invoice === undefined ? 404 : 200)
      .type("text/html")
      .send(invoice === undefined ? missing() : show(invoice));
  });

  app.post<{ Params: { id: string } }>("/_pages/invoices/:id", ({ params, body }, reply) => {
    const form = readForm<CardFields>(body);
    const invoice = sim.store.get("invoice", params.id);
    if (invoice === undefined) return reply.code(404).type("text/html").send(missing());
    const error = act(sim, (ctx) => {
      const card = createCard(ctx, {
        card: cardFromForm(form),
        ...(form.name ? { billingDetails: { name: form.name } } : {}),
      });
      const method = attachPaymentMethod(ctx, card, invoice.customer ?? "");
      payInvoice(ctx, invoice.id, { payment_method: method.id });
    });
    const intent = error?.body.payment_intent as ObjectOf<"payment_intent"> | undefined;
    const challengeUrl = intent?.next_action?.redirect_to_url?.url;
    if (challengeUrl) return reply.redirect(challengeUrl, 303);
    if (error === null) return reply.redirect(`/_pages/invoices/${invoice.id}`, 303);
    return reply
      .code(error.status)
      .type("text/html")
      .send(show(sim.store.getOrThrow("invoice", invoice.id), form, error.body.message));
  });

  app.get<{ Params: { id: string } }>("/_pages/invoices/:id/pdf", ({ params }, reply) => {
    const invoice = sim.store.get("invoice", params.id);
    if (invoice === undefined) return reply.code(404).type("text/html").send(missing());
    return reply.type("application/pdf").send(textPdf(lines(invoice)));
  });
}

const missing = (): string =>
  layout("Not found", html`<div class="card"><h1>This invoice does not exist</h1></div>`);

function show(invoice: Invoice, values: CardFields = {}, error?: string): string {
  const isOpen = invoice.status === "open" || invoice.status === "uncollectible";
  return layout(
    `Invoice ${invoice.number ?? ""}`,
    html`<section class="card"><h1>Invoice ${invoice.number}</h1>
<p class="price">${money(invoice.amount_due, invoice.currency)}</p>
<p><span class="${invoice.status === "paid" ? "good" : "bad"}">${invoice.status}</span> · <span class="soft">${day(invoice.created)}</span></p>
<table><tbody>${invoice.lines.data.map((line): Html => html`<tr><td>${line.description}<br><span class="soft">${day(line.period.start)} to ${day(line.period.end)}</span></td><td class="number">${money(line.amount, line.currency)}</td></tr>`)}
<tr><td><strong>Total</strong></td><td class="number"><strong>${money(invoice.total, invoice.currency)}</strong></td></tr></tbody></table>
<p><a href="/_pages/invoices/${invoice.id}/pdf">Download PDF</a></p></section>
${isOpen && html`<form class="card" method="post" action="/_pages/invoices/${invoice.id}"><h2>Pay this invoice</h2>${error !== undefined && html`<div class="alert" role="alert">${error}</div>`}${cardFields(values)}<button class="full">Pay ${money(invoice.amount_remaining, invoice.currency)}</button></form>`}`,
  );
}

const lines = (invoice: Invoice): string[] => [
  `Invoice ${invoice.number ?? "(draft)"}`,
  `${day(invoice.created)}   ${invoice.status}`,
  "",
  ...invoice.lines.data.map((line) => `${line.description ?? ""}   ${money(line.amount, line.currency)}`),
  "",
  `Total   ${money(invoice.total, invoice.currency)}`,
  `Due     ${money(invoice.amount_due, invoice.currency)}`,
];
