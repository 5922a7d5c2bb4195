import { until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { system } from "../system.ts";

test("paying with 4242 makes the account Pro and active", async () => {
  const driver = system();
  const account = await driver.openAccount("buyer");
  const view = await driver.subscribe(account, "pro");
  expect(view).toMatchObject({ planId: "pro", status: "active", paymentState: "ok", access: "full" });
});

test("a declined card leaves the account on Free and the session open", async () => {
  const driver = system();
  const account = await driver.openAccount("declined");
  const session = await driver.checkout(account, "pro");
  const paid = await driver.pay(session.sessionId, "4000000000000002");
  expect(paid).toMatchObject({ status: 402, body: { error: { code: "card_declined" } } });
  expect(await driver.subscription(account)).toMatchObject({ planId: "free" });
  expect(await driver.checkout(account, "pro")).toEqual(session);
});

test("two checkouts at once give one session; another plan gives another", async () => {
  const driver = system();
  const account = await driver.openAccount("twice");
  const [one, two] = await Promise.all([driver.checkout(account, "pro"), driver.checkout(account, "pro")]);
  expect(one).toEqual(two);
  const other = await driver.checkout(account, "business");
  expect(other.sessionId).not.toBe(one.sessionId);
  expect((await driver.stripe.checkout.sessions.retrieve(one.sessionId)).status).toBe("expired");
});

test("two sessions paid all the same: one subscription stays, the other's money is refunded in full", async () => {
  const driver = system();
  const account = await driver.openAccount("paid-twice");
  const first = await driver.checkout(account, "pro");
  // The second session is made behind our back, as a person with two tabs and luck can.
  const original = await driver.stripe.checkout.sessions.retrieve(first.sessionId, {
    expand: ["line_items"],
  });
  const second = await driver.stripe.checkout.sessions.create({
    mode: "subscription",
    customer: original.customer as string,
    client_reference_id: account,
    success_url: original.success_url ?? "",
    line_items: (original.line_items?.data ?? []).map((item) => ({
      price: item.price?.id ?? "",
      ...(item.quantity === null ? {} : { quantity: item.quantity }),
    })),
    metadata: { account_id: account },
    subscription_data: { metadata: { account_id: account } },
  });
  expect((await driver.pay(first.sessionId, "4242424242424242")).status).toBe(200);
  expect((await driver.pay(second.id, "4242424242424242")).status).toBe(200);
  const customer = original.customer as string;
  await until("one subscription is left and the other's money is back", async () => {
    const live = await driver.stripe.subscriptions.list({ customer, status: "active" });
    const charges = await driver.stripe.charges.list({ customer });
    return (
      live.data.length === 1 && charges.data.filter((charge) => charge.amount_refunded === 2_900).length === 1
    );
  });
  expect(await driver.subscription(account)).toMatchObject({ planId: "pro", status: "active" });
});

test("an account that pays cannot check out again", async () => {
  const driver = system();
  const account = await driver.openAccount("paying");
  await driver.subscribe(account, "pro");
  expect(
    await driver.request("POST", "/billing/checkout", { body: { accountId: account, planId: "business" } }),
  ).toMatchObject({
    status: 409,
    body: { code: "ALREADY_SUBSCRIBED" },
  });
});
