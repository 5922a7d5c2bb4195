import type { DeliveryRecord, ObjectType } from "../objects.ts";
import type { SimDeps } from "../sim/routes.ts";
import { type Html, html, instant } from "./html.ts";
import { layout } from "./layout.ts";

const SHOWN_TYPES: ObjectType[] = [
  "customer",
  "subscription",
  "invoice",
  "product",
  "price",
  "payment_method",
  "payment_intent",
  "charge",
  "refund",
  "checkout.session",
  "setup_intent",
  "billing.meter",
  "billing.meter_event",
  "webhook_endpoint",
  "v2.core.event_destination",
  "event",
  "v2.core.event",
  "test_helpers.test_clock",
];
const ROWS_MAX = 25;
const HOUR = 3600;
const JUMPS = [
  { label: "+1 hour", seconds: HOUR },
  { label: "+1 day", seconds: 24 * HOUR },
  { label: "+7 days", seconds: 7 * 24 * HOUR },
  { label: "+31 days", seconds: 31 * 24 * HOUR },
];

/** The page at `/`. */
export function showDashboard({ sim, clock, deliverer }: SimDeps, error?: string): string {
  const { nowMs, offsetMs, status } = clock.state();
  const events = sim.store.list("event").slice(-ROWS_MAX).toReversed();
  const deliveries = sim.store.list("sim.delivery").slice(-ROWS_MAX).toReversed();
  return layout(
    "Stripe simulator",
    html`<h1>Stripe simulator</h1>
${error !== undefined && html`<div class="alert" role="alert">${error}</div>`}
<section class="card" aria-labelledby="clock"><h2 id="clock">Clock</h2>
<p class="price">${instant(nowMs / 1000)} <span class="soft" style="font-size:1rem;font-weight:400">UTC, ${Math.round(offsetMs / 1000).toLocaleString("en")} s ahead of the wall, <span class="${status === "ready" ? "good" : "bad"}">${status}</span></span></p>
<div class="row">${JUMPS.map(({ label, seconds }) => html`<form method="post" action="/_ui/clock"><button class="plain" name="seconds" value="${seconds}">${label}</button></form>`)}</div></section>
<section class="card" aria-labelledby="objects"><h2 id="objects">Objects</h2><nav>${SHOWN_TYPES.map((type) => html`<a href="/_ui/${type}">${type} (${sim.store.list(type).length})</a> `)}</nav></section>
<section class="card" aria-labelledby="events"><h2 id="events">Latest events</h2><div class="scroll"><table><thead><tr><th>At</th><th>Type</th><th>About</th><th>Event</th><th>Pending</th></tr></thead><tbody>
${events.map((event) => html`<tr><td>${instant(event.created)}</td><td>${event.type}</td><td>${about(event.data.object)}</td><td>${link("event", event.id)}</td><td>${event.pending_webhooks}</td></tr>`)}</tbody></table></div></section>
<section class="card" aria-labelledby="deliveries"><h2 id="deliveries">Latest deliveries</h2><p class="soft">${deliverer.isIdle() ? "Nothing is pending." : "Some are pending."}</p><div class="scroll"><table><thead><tr><th>At</th><th>Type</th><th>To</th><th>Status</th><th>Last try</th><th></th></tr></thead><tbody>${deliveries.map(showDelivery)}</tbody></table></div></section>`,
    { isWide: true, refreshes: status === "advancing" },
  );
}

function showDelivery(delivery: DeliveryRecord): Html {
  const last = delivery.tries.at(-1);
  const outcome =
    last === undefined
      ? ""
      : `${last.status ?? last.error ?? ""} in ${last.durationMs} ms, try ${delivery.tries.length}`;
  const tone = { delivered: "good", pending: "soft", failed: "bad" }[delivery.status];
  return html`<tr><td>${instant(delivery.createdAtMs / 1000)}</td><td>${link("sim.delivery", delivery.id, delivery.eventType)}</td><td>${delivery.url}</td><td class="${tone}">${delivery.status}</td><td>${outcome}</td>
<td><form method="post" action="/_ui/deliveries/${delivery.id}/resend"><button class="plain small">Resend</button></form></td></tr>`;
}

/** All objects of a type, newest first. */
export const showList = (type: string, objects: { id: string }[], total: number): string =>
  layout(
    type,
    html`<p><a href="/">← Simulator</a></p><div class="card"><h1>${type}</h1><p class="soft">${total} in all${total > objects.length && `, the newest ${objects.length} shown`}</p>
<table><tbody>${objects.map((object) => html`<tr><td>${link(type, object.id)}</td><td>${summary(object)}</td></tr>`)}</tbody></table></div>`,
    { isWide: true },
  );

const summary = (object: object): string =>
  ["type", "name", "email", "status", "number", "lookup_key", "url", "created"]
    .flatMap((key) => {
      const value = (object as Record<string, unknown>)[key];
      if (typeof value === "number" && key === "created") return [instant(value)];
      return typeof value === "string" ? [value] : [];
    })
    .join(" · ");

/** One object as JSON. */
export const showObject = (type: string, id: string, object: object | null): string =>
  layout(
    id,
    html`<p><a href="/">← Simulator</a> · <a href="/_ui/${type}">${type}</a></p><div class="card"><h1>${id}</h1>${object === null ? html`<p>It does not exist (any longer).</p>` : html`<pre>${JSON.stringify(object, null, 2)}</pre>`}</div>`,
    { isWide: true },
  );

const about = ({ object, id }: Record<string, unknown>): Html | null =>
  typeof object === "string" && typeof id === "string" ? link(object, id) : null;

const link = (type: string, id: string, text = id): Html => html`<a href="/_ui/${type}/${id}">${text}</a>`;
