import { until } from "@driftlock/devkit";
import { expect, inject, test } from "vitest";
import { system } from "../system.ts";

/** What docs/errors.md walks through by hand. */

const driver = system();
const { dev, stripe } = driver;

const operate = <Body = { data: Record<string, unknown>[] }>(method: string, path: string) =>
  driver.request<Body>(method, `/operator${path}`, { bearer: dev.operatorKey });

const simulate = (path: string, body: object) =>
  fetch(`${dev.stripeUrl}/_sim/${path}`, { method: "POST", body: JSON.stringify(body) }).then(
    (answer) => answer.json() as Promise<{ id: string }>,
  );

const subscriptionOf = async (account: string) => {
  const { data } = await stripe.subscriptions.list({ customer: await driver.customerOf(account) });
  if (data[0] === undefined) throw new Error(`${account} has no subscription`);
  return data[0];
};

/** The sum of a metric's samples that have these labels. */
async function measured(process: string, name: string, labels: string): Promise<number> {
  const text = await (await fetch(`${inject("opsUrls")[process]}/metrics`)).text();
  const samples = text.split("\n").filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  return samples.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

const openCase = (account: string) =>
  until(`${account} has a case`, async () => {
    const { body } = await operate("GET", "/dunning?state=open&limit=100");
    const found = body.data.find((each) => each["accountId"] === account);
    return found === undefined ? null : { ...found, invoiceId: String(found["invoiceId"]) };
  });

test("a declined card, an expired one, and a bank that wants to see the customer", {
  timeout: 120_000,
}, async () => {
  const [declined, expired, asked] = (await Promise.all(
    ["declined", "expired", "asked"].map((name) => driver.openAccount(name)),
  )) as [string, string, string];
  for (const account of [declined, expired, asked]) await driver.subscribe(account, "pro");
  for (const [account, card] of [
    [declined, "pm_card_chargeCustomerFail"],
    [asked, "pm_card_authenticationRequired"],
  ] as const) {
    const { id, customer } = await subscriptionOf(account);
    const method = await stripe.paymentMethods.attach(card, { customer: customer as string });
    await stripe.subscriptions.update(id, { default_payment_method: method.id });
  }
  const now = await driver.simulatedNow();
  const old = (await subscriptionOf(expired)).default_payment_method as string;
  await simulate(`payment_methods/${old}/renew`, {
    exp_month: now.getUTCMonth() + 1,
    exp_year: now.getUTCFullYear(),
  });
  await driver.travelDays(31.1);

  const view = (account: string) =>
    until(`${account} owes`, async () => {
      const shown = await driver.subscription(account);
      return shown.paymentState === "ok" ? null : shown;
    });
  const toPay = { amountRemainingMinor: 2900, hostedUrl: expect.stringContaining("/invoices/") };
  expect(await view(declined)).toMatchObject({
    paymentState: "past_due",
    access: "full",
    dueInvoice: { ...toPay, needsConfirmation: false, nextAttemptAt: expect.any(String) },
  });
  expect(await openCase(declined)).toMatchObject({ state: "retrying", declineCode: "generic_decline" });
  expect(await view(expired)).toMatchObject({
    paymentState: "past_due",
    dueInvoice: { ...toPay, needsConfirmation: false, nextAttemptAt: null },
  });
  expect(await openCase(expired)).toMatchObject({ state: "waiting_for_card", declineCode: "expired_card" });
  expect(await view(asked)).toMatchObject({
    paymentState: "action_required",
    dueInvoice: { ...toPay, needsConfirmation: true, nextAttemptAt: null },
  });
  for (const state of ["retrying", "waiting_for_card", "action_required"])
    expect(await measured("billing-worker", "driftlock_dunning_cases_open", `"${state}"`)).toBeGreaterThan(0);

  const { invoiceId } = await openCase(declined);
  expect((await operate("POST", `/dunning/${invoiceId}/retry`)).status).toBe(202);
  await until("the operator's try is made", async () => {
    const { body } = await operate<{ tries: { reason: string; outcome: string | null }[] }>(
      "GET",
      `/dunning/${invoiceId}`,
    );
    return body.tries.some(({ reason, outcome }) => reason === "operator" && outcome === "declined");
  });
  for (const account of [declined, expired]) await driver.changeCard(account, "pm_card_visa");
  const { invoiceId: waiting } = await openCase(asked);
  const confirm = await driver.request(
    "POST",
    `/billing/invoices/${waiting}/confirmation?accountId=${asked}`,
  );
  const [intent = ""] = String(confirm.body["clientSecret"]).split("_secret_");
  await fetch(`${dev.stripeUrl}/_sim/3ds/${intent}`, {
    method: "POST",
    body: new URLSearchParams({ result: "pass" }),
  });
  for (const account of [declined, expired, asked])
    await until(`${account} is well`, async () => {
      const { paymentState, status } = await driver.subscription(account);
      return paymentState === "ok" && status === "active";
    });
});

test("a payment that its bank asks back", { timeout: 60_000 }, async () => {
  const account = await driver.openAccount("disputes");
  await driver.subscribe(account, "pro");
  const [charge] = (await stripe.charges.list({ customer: await driver.customerOf(account) })).data;
  const { id } = await simulate(`charges/${charge?.id}/dispute`, {});
  const stateIs = (state: string) =>
    until(`it is ${state}`, async () => (await driver.subscription(account)).paymentState === state);
  await stateIs("disputed");
  expect((await operate("GET", "/disputes")).body.data).toContainEqual(
    expect.objectContaining({ id, accountId: account, status: "needs_response", amountMinor: 2900 }),
  );
  await simulate(`disputes/${id}/decide`, { status: "won" });
  await stateIs("ok");
});

test("a quota that is spent", async () => {
  const account = await driver.openAccount("spends");
  const before = await measured("api", "driftlock_http_request_seconds_count", 'status="429"');
  expect(await driver.send(account, { prefix: "a", count: 101, metric: "alerts" })).toMatchObject({
    accepted: 100,
    rejected: 1,
    results: [{ index: 100, outcome: "quota-exceeded", code: "QUOTA_EXCEEDED" }],
  });
  const single = await driver.request("POST", "/billing/usage", {
    body: { id: "one-more", metric: "alerts", accountId: account },
  });
  expect(single).toMatchObject({ status: 429, body: { code: "QUOTA_EXCEEDED" } });
  expect(Number(single.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await measured("api", "driftlock_http_request_seconds_count", 'status="429"')).toBe(before + 1);
});

test("webhooks that are forged, and one of something that is not ours to know", {
  timeout: 60_000,
}, async () => {
  const forged = await fetch(dev.webhookUrl, {
    method: "POST",
    headers: { "stripe-signature": "t=1,v1=00" },
    body: "{}",
  });
  expect([forged.status, await forged.json()]).toMatchObject([400, { code: "WEBHOOK_SIGNATURE_INVALID" }]);
  expect(
    await measured("webhook-ingester", "driftlock_webhook_deliveries_total", 'status="400"'),
  ).toBeGreaterThan(0);

  const account = await driver.openAccount("foreign");
  await driver.subscribe(account, "pro");
  const { customer, default_payment_method } = await subscriptionOf(account);
  const product = await stripe.products.create({ name: "Foreign" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 500,
    recurring: { interval: "month" },
  });
  const foreign = await stripe.subscriptions.create({
    customer: customer as string,
    default_payment_method: default_payment_method as string,
    items: [{ price: price.id }],
  });
  const job = await until("the job has failed for good", async () => {
    const { body } = await operate("GET", "/queues/billing/failed?limit=100");
    return body.data.find(({ reason }) => String(reason).includes(foreign.id)) ?? null;
  });
  expect(job["reason"]).toContain("UNKNOWN_PLAN");
  expect(await driver.subscription(account)).toMatchObject({ planId: "pro", paymentState: "ok" });
  await stripe.subscriptions.cancel(foreign.id);
});

test("Stripe's rate limit: waited for, and told where it lasts", { timeout: 60_000 }, async () => {
  const account = await driver.openAccount("limited");
  await driver.subscribe(account, "pro");
  const openPortal = () => driver.request("POST", "/billing/portal", { body: { accountId: account } });
  await simulate("faults", { kind: "rate-limit", pathPrefix: "/v1/billing_portal", count: 1 });
  expect((await openPortal()).status).toBe(200);
  await simulate("faults", { kind: "rate-limit", pathPrefix: "/v1/billing_portal", count: 20 });
  const refused = await openPortal();
  expect(refused).toMatchObject({ status: 503, body: { code: "STRIPE_UNAVAILABLE" } });
  expect(refused.headers.get("retry-after")).not.toBeNull();
  await fetch(`${dev.stripeUrl}/_sim/faults`, { method: "DELETE" });
  expect((await openPortal()).status).toBe(200);
});
