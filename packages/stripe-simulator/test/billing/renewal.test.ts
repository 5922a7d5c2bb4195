import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld("2026-03-10T12:00:00Z");
});
afterAll(() => world.close());

const proItems = () => [{ price: world.catalog.pro.id }, { price: world.catalog.overage.id }];

test("a subscription is paid at once, and renews a month later with the usage of the ended month", async () => {
  const { stripe } = world;
  const customer = await world.customer();
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: proItems() });
  expect(subscription.status).toBe("active");
  const [first] = await world.invoices(subscription.id);
  expect(first).toMatchObject({
    status: "paid",
    billing_reason: "subscription_create",
    total: 2_900,
    amount_paid: 2_900,
  });
  expect(first?.lines.data).toHaveLength(1);

  await world.use(customer.id, 150_000);
  await world.travel({ days: 31, minutes: 5 });
  const [, draft] = await world.invoices(subscription.id);
  expect(draft).toMatchObject({
    status: "draft",
    billing_reason: "subscription_cycle",
    total: 2_900 + 2_500,
  });
  expect(draft?.lines.data.map((line) => line.amount)).toEqual([0, 2_500, 2_900]);

  await world.travel({ hours: 1 });
  const [, paid] = await world.invoices(subscription.id);
  expect(paid).toMatchObject({ status: "paid", amount_paid: 5_400, attempt_count: 1 });
  console.log(await world.events());
});
