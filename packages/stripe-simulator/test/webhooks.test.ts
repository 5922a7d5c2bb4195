import { expect, test, vi } from "vitest";
import { clientFor, receiveWebhooks, setUp } from "./harness.ts";

const API_VERSION = "2026-10-28.endive";

test("events reach the endpoints that want them, signed, and their types can be trusted", async () => {
  const { stripe } = await setUp();
  const hook = await receiveWebhooks();
  const endpoint = await stripe.webhookEndpoints.create({
    url: hook.url,
    enabled_events: ["customer.created"],
    api_version: API_VERSION,
  });
  await stripe.products.create({ name: "not asked for" });
  const customer = await stripe.customers.create({ email: "a@b.c" }, { idempotencyKey: "make-customer" });
  await vi.waitFor(() => expect(hook.received).toHaveLength(1));
  const { headers, body } = hook.received[0]!;
  const event = stripe.webhooks.constructEvent(
    body,
    headers["stripe-signature"] as string,
    endpoint.secret ?? "",
  );
  expect(event).toMatchObject({
    type: "customer.created",
    api_version: API_VERSION,
    data: { object: { id: customer.id } },
    request: { idempotency_key: "make-customer" },
  });
  expect(() =>
    stripe.webhooks.constructEvent(body, headers["stripe-signature"] as string, "whsec_wrong"),
  ).toThrow();
  await vi.waitFor(async () => expect((await stripe.events.retrieve(event.id)).pending_webhooks).toBe(0));
  expect((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret).toBeUndefined();
});

test("while a secret is rolled, both sign", async () => {
  const { stripe, sim } = await setUp();
  const hook = await receiveWebhooks();
  const endpoint = await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ["*"] });
  const { body: rolled } = await sim("POST", `/_sim/endpoints/${endpoint.id}/roll-secret`);
  await stripe.customers.create();
  await vi.waitFor(() => expect(hook.received).toHaveLength(1));
  const { headers, body } = hook.received[0]!;
  for (const secret of [endpoint.secret ?? "", (rolled as { secret: string }).secret])
    expect(stripe.webhooks.constructEvent(body, headers["stripe-signature"] as string, secret).type).toBe(
      "customer.created",
    );
});

test("what is not answered with 2xx is sent again, and is found by delivery_success", async () => {
  const { stripe, sim } = await setUp();
  const hook = await receiveWebhooks((count) => (count === 1 ? 500 : 200));
  await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ["customer.created"] });
  await stripe.customers.create();
  await vi.waitFor(() => expect(hook.received).toHaveLength(1));
  expect((await stripe.events.list({ delivery_success: false })).data.map(({ type }) => type)).toEqual([
    "customer.created",
  ]);
  await vi.waitFor(() => expect(hook.received).toHaveLength(2), 5000);
  expect(hook.received[1]?.body).toBe(hook.received[0]?.body);
  await vi.waitFor(async () =>
    expect((await stripe.events.list({ delivery_success: false })).data).toEqual([]),
  );
  const { body } = await sim("GET", "/_sim/deliveries");
  const [delivery] = (body as { data: { eventId: string; tries: { status: number }[] }[] }).data;
  expect(delivery?.tries.map(({ status }) => status)).toEqual([500, 200]);
  await sim("POST", `/_sim/events/${delivery?.eventId}/resend`);
  await vi.waitFor(() => expect(hook.received).toHaveLength(3));
});

test("a disabled endpoint gets nothing", async () => {
  const { stripe } = await setUp();
  const hook = await receiveWebhooks();
  const endpoint = await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ["*"] });
  await stripe.webhookEndpoints.update(endpoint.id, { disabled: true });
  await stripe.customers.create();
  const [event] = (await stripe.events.list({ type: "customer.created" })).data;
  expect(event?.pending_webhooks).toBe(0);
  await stripe.webhookEndpoints.del(endpoint.id);
  expect((await stripe.webhookEndpoints.list()).data).toEqual([]);
});

test("on demand a webhook is lost, doubled, or late", async () => {
  const { stripe, sim } = await setUp();
  const hook = await receiveWebhooks();
  await stripe.webhookEndpoints.create({
    url: hook.url,
    enabled_events: ["customer.created", "product.created", "product.deleted"],
  });
  await sim("POST", "/_sim/faults", { kind: "drop-webhook", eventType: "customer.created" });
  await sim("POST", "/_sim/faults", { kind: "duplicate-webhook", eventType: "product.created", delayMs: 10 });
  await sim("POST", "/_sim/faults", { kind: "delay-webhook", eventType: "product.deleted", delayMs: 300 });
  await stripe.customers.create();
  const product = await stripe.products.create({ name: "Pro" });
  await stripe.products.del(product.id);
  await stripe.customers.create();
  await vi.waitFor(
    () =>
      expect(hook.types().toSorted()).toEqual([
        "customer.created",
        "product.created",
        "product.created",
        "product.deleted",
      ]),
    3000,
  );
  expect(hook.types().at(-1)).toBe("product.deleted");
  expect((await stripe.events.list({ delivery_success: false })).data.map(({ type }) => type)).toEqual([
    "customer.created",
  ]);
});

test("thin events carry no data, are signed, and their whole is fetched", async () => {
  const { simulator, stripe } = await setUp();
  const hook = await receiveWebhooks();
  const destination = await stripe.v2.core.eventDestinations.create({
    name: "meter errors",
    type: "webhook_endpoint",
    event_payload: "thin",
    enabled_events: ["v1.billing.meter.no_meter_found"],
    webhook_endpoint: { url: hook.url },
    include: ["webhook_endpoint.signing_secret"],
  });
  const session = await stripe.v2.billing.meterEventSession.create();
  const stream = clientFor(simulator.port, {}, session.authentication_token);
  await stream.v2.billing.meterEventStream.create({
    events: [{ event_name: "nowhere", payload: { stripe_customer_id: "cus_x", value: "1" } }],
  });
  await vi.waitFor(() => expect(hook.received).toHaveLength(1));
  const { headers, body } = hook.received[0]!;
  expect(JSON.parse(body)).not.toHaveProperty("data");
  const secret = destination.webhook_endpoint?.signing_secret ?? "";
  const notification = stripe.parseEventNotification(body, headers["stripe-signature"] as string, secret);
  expect(notification.type).toBe("v1.billing.meter.no_meter_found");
  expect(await notification.fetchEvent()).toMatchObject({ id: notification.id, type: notification.type });
});
