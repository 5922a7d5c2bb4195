import type Stripe from "stripe";
import { describe, expect, test } from "vitest";
import { createPro, openCheckout, refusal, setUp } from "./harness.ts";

const types = async (stripe: Stripe): Promise<string[]> =>
  (await stripe.events.list({ limit: 100 })).data.map(({ type }) => type).toReversed();

const form = (number: string) =>
  new URLSearchParams({
    email: "ada@example.com",
    name: "Ada Lovelace",
    number,
    expiry: "12 / 40",
    cvc: "123",
  });

describe("the page", () => {
  test("a person pays with a card and is sent back; the subscription is active and its invoice paid", async () => {
    const { stripe } = await setUp();
    const session = await openCheckout(stripe, {
      client_reference_id: "acc_1",
      metadata: { account: "acc_1" },
      subscription_data: { metadata: { account: "acc_1" } },
    });
    const page = await (await fetch(session.url ?? "")).text();
    expect(page).toContain("Subscribe to Pro");
    expect(page).toContain("$29.00");
    expect(page).toContain("https://shop.test/plans");
    const answer = await fetch(session.url ?? "", {
      method: "POST",
      body: form("4242 4242 4242 4242"),
      redirect: "manual",
    });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe(`https://shop.test/done?session=${session.id}`);

    const paid = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ["subscription.default_payment_method", "invoice", "customer"],
    });
    expect(paid).toMatchObject({
      status: "complete",
      payment_status: "paid",
      url: null,
      client_reference_id: "acc_1",
      customer: { email: "ada@example.com", name: "Ada Lovelace" },
      invoice: { status: "paid", amount_paid: 2900, billing_reason: "subscription_create" },
      subscription: {
        status: "active",
        metadata: { account: "acc_1" },
        default_payment_method: { card: { last4: "4242" } },
      },
    });
    expect(await types(stripe)).toEqual(
      expect.arrayContaining([
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
      ]),
    );
  });

  test("a declined card is said in words and leaves nothing behind", async () => {
    const { stripe } = await setUp();
    const session = await openCheckout(stripe);
    const before = await types(stripe);
    const answer = await fetch(session.url ?? "", { method: "POST", body: form("4000 0000 0000 0002") });
    expect(answer.status).toBe(402);
    expect(await answer.text()).toContain("Your card was declined.");
    expect(await types(stripe)).toEqual(before);
    expect((await stripe.customers.list()).data).toEqual([]);
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe("open");
    const again = await fetch(session.url ?? "", {
      method: "POST",
      body: form("4242 4242 4242 4242"),
      redirect: "manual",
    });
    expect(again.status).toBe(303);
  });

  test("a 3D Secure card goes over the bank's page, and may fail there", async () => {
    const { stripe } = await setUp();
    const session = await openCheckout(stripe);
    const pay = async () => {
      const answer = await fetch(session.url ?? "", {
        method: "POST",
        body: form("4000 0027 6000 3184"),
        redirect: "manual",
      });
      return answer.headers.get("location") ?? "";
    };
    const end = async (url: string, result: string) =>
      (
        await fetch(url, { method: "POST", body: new URLSearchParams({ result }), redirect: "manual" })
      ).headers.get("location") ?? "";
    const back = await end(await pay(), "fail");
    expect(await (await fetch(back)).text()).toContain("unable to authenticate");
    expect(await end(await pay(), "pass")).toBe(`https://shop.test/done?session=${session.id}`);
    expect((await stripe.subscriptions.list()).data[0]?.status).toBe("active");
  });

  test("a text in a name is shown, not run", async () => {
    const { stripe } = await setUp();
    const session = await openCheckout(stripe, { customer_email: '"><script>alert(1)</script>@x.y' });
    expect(await (await fetch(session.url ?? "")).text()).not.toContain("<script>alert");
  });
});

describe("for scripts", () => {
  test("pay answers 200, or 402 with Stripe's error", async () => {
    const { stripe, sim } = await setUp();
    const session = await openCheckout(stripe);
    const pay = (card: string) => sim("POST", `/_sim/checkout/${session.id}/pay`, { card });
    expect(await pay("4000000000009995")).toMatchObject({
      status: 402,
      body: { error: { type: "card_error", code: "card_declined", decline_code: "insufficient_funds" } },
    });
    expect((await pay("pm_card_visa")).status).toBe(200);
    expect(await pay("pm_card_visa")).toMatchObject({
      status: 400,
      body: { error: { type: "invalid_request_error" } },
    });
    expect((await sim("POST", "/_sim/checkout/cs_test_none/pay", { card: "4242424242424242" })).status).toBe(
      404,
    );
  });

  test("a card that needs authentication is 402 unless it is authenticated", async () => {
    const { stripe, sim } = await setUp();
    const session = await openCheckout(stripe);
    const path = `/_sim/checkout/${session.id}/pay`;
    expect(await sim("POST", path, { card: "4000002500003155" })).toMatchObject({
      status: 402,
      body: { error: { code: "authentication_required" } },
    });
    expect((await sim("POST", path, { card: "4000002500003155", authenticate: true })).status).toBe(200);
  });
});

describe("sessions", () => {
  test("one can be expired once, and is not paid afterwards", async () => {
    const { stripe, sim } = await setUp();
    const session = await openCheckout(stripe);
    expect(await stripe.checkout.sessions.expire(session.id)).toMatchObject({ status: "expired", url: null });
    expect(await refusal(stripe.checkout.sessions.expire(session.id))).toMatchObject({ statusCode: 400 });
    expect((await sim("POST", `/_sim/checkout/${session.id}/pay`, { card: "4242424242424242" })).status).toBe(
      400,
    );
    expect(await types(stripe)).toContain("checkout.session.expired");
  });

  test("setup mode saves a card for the customer and charges nothing", async () => {
    const { stripe, sim } = await setUp();
    const customer = await stripe.customers.create();
    const session = await stripe.checkout.sessions.create({
      mode: "setup",
      currency: "usd",
      customer: customer.id,
      success_url: "https://shop.test/ok",
    });
    expect((await sim("POST", `/_sim/checkout/${session.id}/pay`, { card: "4242424242424242" })).status).toBe(
      200,
    );
    const done = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ["setup_intent.payment_method"],
    });
    expect(done).toMatchObject({
      status: "complete",
      payment_status: "no_payment_required",
      setup_intent: { payment_method: { customer: customer.id } },
    });
    expect((await stripe.charges.list()).data).toEqual([]);
  });

  test("what it cannot do is refused by name", async () => {
    const { stripe } = await setUp();
    const price = await createPro(stripe);
    const base: Stripe.Checkout.SessionCreateParams = {
      mode: "subscription",
      line_items: [{ price: price.id, quantity: 1 }],
      success_url: "https://shop.test/ok",
    };
    expect(await refusal(stripe.checkout.sessions.create({ ...base, line_items: [] }))).toMatchObject({
      param: "line_items",
    });
    expect(
      await refusal(stripe.checkout.sessions.create({ ...base, automatic_tax: { enabled: true } })),
    ).toMatchObject({ param: "automatic_tax[enabled]" });
    expect(await refusal(stripe.checkout.sessions.create({ ...base, expires_at: 1 }))).toMatchObject({
      param: "expires_at",
    });
  });
});

describe("the portal", () => {
  test("a customer cancels, takes it back, and changes the card", async () => {
    const { stripe, sim } = await setUp();
    const session = await openCheckout(stripe);
    await sim("POST", `/_sim/checkout/${session.id}/pay`, { card: "4242424242424242" });
    const [subscription] = (await stripe.subscriptions.list()).data;
    const portal = await stripe.billingPortal.sessions.create({
      customer: subscription!.customer as string,
      return_url: "https://shop.test/account",
    });
    const read = async () => (await fetch(portal.url)).text();
    const post = (action: string, body: Record<string, string>) =>
      fetch(`${portal.url}/${action}`, {
        method: "POST",
        body: new URLSearchParams(body),
        redirect: "manual",
      });

    expect(await read()).toContain("visa ending in 4242");
    expect((await post("cancel", { subscription: subscription!.id })).status).toBe(303);
    expect((await stripe.subscriptions.retrieve(subscription!.id)).cancel_at_period_end).toBe(true);
    expect(await read()).toContain("Ends on");
    await post("resume", { subscription: subscription!.id });
    expect((await stripe.subscriptions.retrieve(subscription!.id)).cancel_at_period_end).toBe(false);

    const declined = await post("card", { number: "4000000000000002", expiry: "12/40", cvc: "123" });
    expect(await declined.text()).toContain("Your card was declined.");
    await post("card", { number: "5555555555554444", expiry: "12/40", cvc: "123" });
    expect(await read()).toContain("mastercard ending in 4444");
    const changed = await stripe.subscriptions.retrieve(subscription!.id, {
      expand: ["default_payment_method"],
    });
    expect(changed.default_payment_method).toMatchObject({ card: { last4: "4444" } });
  });

  test("another customer's subscription is not found", async () => {
    const { stripe, sim } = await setUp();
    const session = await openCheckout(stripe);
    await sim("POST", `/_sim/checkout/${session.id}/pay`, { card: "4242424242424242" });
    const [subscription] = (await stripe.subscriptions.list()).data;
    const stranger = await stripe.customers.create();
    const portal = await stripe.billingPortal.sessions.create({ customer: stranger.id });
    const body = new URLSearchParams({ subscription: subscription!.id });
    expect((await fetch(`${portal.url}/cancel`, { method: "POST", body })).status).toBe(400);
    expect((await stripe.subscriptions.retrieve(subscription!.id)).cancel_at_period_end).toBe(false);
  });
});
