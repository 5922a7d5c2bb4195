import { sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { resolveDoubleCheckoutProcessor } from "../src/jobs/resolve-double-checkout.ts";
import { openWorld } from "./world.ts";

/** Two sessions of one account that were both paid; `first` is the one that came first at Stripe. */
async function openDoublePaid() {
  const world = await openWorld();
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const bought = [await world.subscribe("acme", customer), await world.subscribe("acme", customer)];
  const dated = await Promise.all(bought.map((id) => world.stripe.subscriptions.retrieve(id)));
  // Mostly of one second, which leaves the decision to their ids.
  const [first = "", later = ""] = dated
    .toSorted((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
  const job = resolveDoubleCheckoutProcessor(world);
  const resolve = () =>
    job.run({ accountId: "acme" }, { ...world.context, attempt: 1, requestId: undefined });
  const paidAndRefunded = async (subscription: string) => {
    const { data } = await world.stripe.charges.list({ customer, limit: 100 });
    const { data: invoices } = await world.stripe.invoices.list({ subscription, expand: ["data.payments"] });
    const intents = invoices.flatMap(
      (invoice) => invoice.payments?.data.map(({ payment }) => payment.payment_intent) ?? [],
    );
    const charges = data.filter(({ payment_intent }) => intents.includes(payment_intent ?? ""));
    return charges.map(({ amount, amount_refunded }) => [amount, amount_refunded]);
  };
  const outcome = async () => ({
    first: (await world.stripe.subscriptions.retrieve(first)).status,
    later: (await world.stripe.subscriptions.retrieve(later)).status,
    kept: await paidAndRefunded(first),
    refunded: await paidAndRefunded(later),
    notices:
      await world.rows(sql`select type, data->>'subscriptionId' as subscription, data->>'refundedAmountMinor' as amount
      from notices where type = 'checkout.refunded'`),
  });
  const expected = {
    first: "active",
    later: "canceled",
    kept: [[2_900, 0]],
    refunded: [[2_900, 2_900]],
    notices: [{ type: "checkout.refunded", subscription: later, amount: "2900" }],
  };
  return { ...world, customer, first, later, resolve, outcome, expected };
}

test.each(["in their order", "the other way round"])(
  "of two paid checkouts the later is cancelled and refunded, when its events come %s",
  async (order) => {
    const world = await openDoublePaid();
    await world.startWorker();
    const history = await world.history();
    const hints = order === "in their order" ? history : history.toReversed();
    for (const hint of hints) await world.deliver([hint]);
    await world.settle();
    expect(await world.outcome()).toEqual(world.expected);
    // The events that all this caused arrive as well.
    await world.deliver(await world.history());
    await world.settle();
    expect(await world.outcome()).toEqual(world.expected);
    const mirrored = await world.rows(
      sql`select stripe_subscription_id as id, status from user_subscriptions order by status`,
    );
    expect(mirrored).toEqual([
      { id: world.first, status: "active" },
      { id: world.later, status: "canceled" },
    ]);
  },
);

test("broken off at any call to Stripe, it goes on from there and refunds once", async () => {
  const world = await openDoublePaid();
  for (const id of [world.first, world.later]) {
    await world.mark(id, "subscription");
    await world.sync(id);
  }
  for (const pathPrefix of ["/v1/checkout/sessions", "/v1/subscriptions", "/v1/invoices", "/v1/refunds"]) {
    // Answered after its effect, and again before it: what was done is not known either time.
    for (const afterEffect of [true, false]) {
      await world.addFault({ kind: "server-error", pathPrefix, afterEffect, count: 3 });
      await expect(world.resolve()).rejects.toMatchObject({ code: "STRIPE_UNAVAILABLE" });
      await fetch(`${world.simulator.url}/_sim/faults`, { method: "DELETE" });
    }
  }
  await world.resolve();
  await world.resolve();
  expect(await world.outcome()).toEqual(world.expected);
  expect(
    await world.rows(
      sql`select refunded_amount_minor, currency, settled_at is not null as settled from double_checkouts`,
    ),
  ).toEqual([{ refunded_amount_minor: 2_900, currency: "usd", settled: true }]);
});

test("a second subscription that came from no checkout is left alone", async () => {
  const world = await openWorld();
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const bought = await world.subscribe("acme", customer, "pro");
  const { items, default_payment_method } = await world.stripe.subscriptions.retrieve(bought);
  const price = items.data.find((item) => item.price.recurring?.usage_type === "licensed")?.price.id ?? "";
  const granted = await world.stripe.subscriptions.create({
    customer,
    items: [{ price }],
    default_payment_method: default_payment_method as string,
  });
  for (const id of [bought, granted.id]) {
    await world.mark(id, "subscription");
    await world.sync(id);
  }
  await resolveDoubleCheckoutProcessor(world).run(
    { accountId: "acme" },
    { ...world.context, attempt: 1, requestId: undefined },
  );
  for (const id of [bought, granted.id])
    expect((await world.stripe.subscriptions.retrieve(id)).status).toBe("active");
});

test("whoever ends one subscription and buys another keeps the new one, though we hear of the end last", async () => {
  const world = await openWorld();
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const old = await world.subscribe("acme", customer, "pro");
  await world.mark(old, "subscription");
  await world.sync(old);
  await world.stripe.subscriptions.cancel(old);
  const bought = await world.subscribe("acme", customer, "business");
  await world.mark(bought, "subscription");
  await world.sync(bought);
  const job = resolveDoubleCheckoutProcessor(world);
  await job.run({ accountId: "acme" }, { ...world.context, attempt: 1, requestId: undefined });
  expect((await world.stripe.subscriptions.retrieve(bought)).status).toBe("active");
  expect(await world.rows(sql`select * from double_checkouts`)).toEqual([]);
});
