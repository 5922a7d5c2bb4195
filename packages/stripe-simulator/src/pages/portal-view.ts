import type { ObjectOf } from "../objects.ts";
import type { Simulation } from "../simulation.ts";
import type { Store } from "../store.ts";
import { cardFields } from "./card-form.ts";
import { day, type Html, html, money } from "./html.ts";
import { layout } from "./layout.ts";

type Session = ObjectOf<"billing_portal.session">;
type Subscription = ObjectOf<"subscription">;

/** A customer's subscriptions that have not ended. */
export const liveSubscriptions = (store: Store, customerId: string): Subscription[] =>
  store
    .list("subscription")
    .filter(
      ({ customer, status }) =>
        customer === customerId && !["canceled", "incomplete_expired"].includes(status),
    );

/** The portal's one page; `error` is said at its top. */
export function showPortal(sim: Simulation, session: Session, error?: string): string {
  const { store } = sim;
  const { features } = store.getOrThrow("billing_portal.configuration", session.configuration);
  const customer = store.get("customer", session.customer);
  const subscriptions = liveSubscriptions(store, session.customer);
  const invoices = store
    .list("invoice")
    .filter((each) => each.customer === session.customer && each.status !== "draft")
    .toReversed();
  return layout(
    "Billing",
    html`${session.return_url !== null && html`<p><a href="${session.return_url}">← Back</a></p>`}
<h1>Billing of ${customer?.name ?? customer?.email ?? session.customer}</h1>
${error !== undefined && html`<div class="alert" role="alert">${error}</div>`}
<section class="card" aria-labelledby="plan"><h2 id="plan">Current plan</h2>
${subscriptions.length === 0 ? html`<p class="soft">No subscription.</p>` : subscriptions.map((each) => showSubscription(sim, { session, subscription: each, features }))}</section>
${features.payment_method_update.enabled && showCard(sim, session, subscriptions)}
${
  features.invoice_history.enabled &&
  html`<section class="card" aria-labelledby="invoices"><h2 id="invoices">Invoices</h2>
${invoices.length === 0 ? html`<p class="soft">None yet.</p>` : html`<table><thead><tr><th>Date</th><th>Status</th><th class="number">Amount</th></tr></thead><tbody>${invoices.map(showInvoice)}</tbody></table>`}</section>`
}`,
  );
}

interface Shown {
  session: Session;
  subscription: Subscription;
  features: ObjectOf<"billing_portal.configuration">["features"];
}

function showSubscription(sim: Simulation, { session, subscription, features }: Shown): Html {
  const first = subscription.items.data[0];
  const names = subscription.items.data.map(
    ({ price }) => sim.store.get("product", price.product)?.name ?? price.id,
  );
  const amount = subscription.items.data.reduce(
    (sum, { price, quantity }) => sum + (price.unit_amount ?? 0) * (quantity ?? 0),
    0,
  );
  const end = first === undefined ? "" : day(first.current_period_end);
  const isEnding = subscription.cancel_at_period_end;
  const button = (action: string, text: string, isPlain: boolean) =>
    html`<form method="post" action="/p/session/${session.id}/${action}"><input type="hidden" name="subscription" value="${subscription.id}"><button class="${isPlain ? "plain" : ""}">${text}</button></form>`;
  return html`<p class="price">${money(amount, subscription.currency)} <span class="soft" style="font-size:1rem;font-weight:400">per ${first?.price.recurring?.interval ?? "month"}</span></p>
<p><strong>${[...new Set(names)].join(", ")}</strong> · <span class="${subscription.status === "active" ? "good" : "bad"}">${subscription.status.replaceAll("_", " ")}</span></p>
<p class="soft">${isEnding ? `Ends on ${end}.` : `Renews on ${end}.`}</p>
${subscription.status === "paused" ? button("resume", "Resume plan", false) : isEnding ? button("resume", "Don't cancel", false) : features.subscription_cancel.enabled && button("cancel", "Cancel plan", true)}
${features.subscription_pause.enabled && subscription.status !== "paused" && button("pause", "Pause plan", true)}
${features.subscription_update.enabled && showOffers(sim, { session, subscription, features })}`;
}

/** The plans that the configuration offers, but the present one. */
function showOffers(sim: Simulation, { session, subscription, features }: Shown): Html[] {
  const present = new Set(subscription.items.data.map(({ price }) => price.id));
  const offered = (features.subscription_update.products ?? []).flatMap(({ prices }) => prices);
  return offered
    .filter((id) => !present.has(id))
    .map((id) => {
      const price = sim.store.get("price", id);
      const name = sim.store.get("product", price?.product ?? "")?.name ?? id;
      return html`<form method="post" action="/p/session/${session.id}/update"><input type="hidden" name="subscription" value="${subscription.id}"><input type="hidden" name="price" value="${id}"><button class="plain">Change to ${name}, ${money(price?.unit_amount ?? 0, price?.currency ?? "usd")}</button></form>`;
    });
}

function showCard(sim: Simulation, session: Session, subscriptions: Subscription[]): Html {
  const settings = sim.store.get("customer", session.customer)?.invoice_settings;
  const id = subscriptions[0]?.default_payment_method ?? settings?.default_payment_method ?? null;
  const card = id === null ? undefined : sim.store.get("payment_method", id)?.card;
  const current =
    card === undefined
      ? "No card is saved."
      : `${card.brand} ending in ${card.last4}, expires ${card.exp_month}/${card.exp_year}`;
  return html`<section class="card" aria-labelledby="card"><h2 id="card">Payment method</h2><p>${current}</p>
<details><summary>Use another card</summary><form method="post" action="/p/session/${session.id}/card">${cardFields({})}<button class="full">Save card</button></form></details></section>`;
}

const showInvoice = (invoice: ObjectOf<"invoice">): Html =>
  html`<tr><td><a href="${invoice.hosted_invoice_url ?? "#"}">${day(invoice.created)}</a></td><td>${invoice.status}</td><td class="number">${money(invoice.total, invoice.currency)}</td></tr>`;
