import { afterAll, beforeAll, expect, test } from "vitest";
import { amounts, createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

test("an invoice by hand takes pending items, is finalized and paid, and has a page and a PDF", async () => {
  const { stripe } = world;
  const customer = await world.customer();
  await stripe.invoiceItems.create({
    customer: customer.id,
    amount: 1_234,
    currency: "usd",
    description: "Remainder",
  });
  const draft = await stripe.invoices.create({
    customer: customer.id,
    pending_invoice_items_behavior: "include",
    metadata: { why: "adjustment" },
  });
  expect(draft).toMatchObject({
    status: "draft",
    billing_reason: "manual",
    total: 1_234,
    auto_advance: false,
    number: null,
  });
  await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 66, currency: "usd" });
  const open = await stripe.invoices.finalizeInvoice(draft.id);
  expect(open).toMatchObject({ status: "open", amount_due: 1_300, metadata: { why: "adjustment" } });
  const paid = await stripe.invoices.pay(draft.id, { expand: ["payments.data.payment.payment_intent"] });
  expect(paid.status).toBe("paid");
  expect(paid.payments?.data[0]).toMatchObject({
    status: "paid",
    payment: { payment_intent: { status: "succeeded", amount: 1_300 } },
  });
  expect((await stripe.invoices.listLineItems(draft.id)).data.map((line) => line.amount)).toEqual([
    1_234, 66,
  ]);
  const page = await fetch(paid.hosted_invoice_url ?? "");
  expect([page.status, (await page.text()).includes("13.00")]).toEqual([200, true]);
  expect((await fetch(paid.invoice_pdf ?? "")).headers.get("content-type")).toContain("application/pdf");
});

test("auto_advance finalizes and charges by itself", async () => {
  const customer = await world.customer();
  const draft = await world.stripe.invoices.create({ customer: customer.id, auto_advance: true });
  await world.stripe.invoiceItems.create({
    customer: customer.id,
    invoice: draft.id,
    amount: 900,
    currency: "usd",
  });
  await world.travel({ hours: 1, minutes: 1 });
  expect(await world.stripe.invoices.retrieve(draft.id)).toMatchObject({ status: "paid", attempt_count: 1 });
});

test("what is below the smallest charge goes to the balance and is collected with the next invoice", async () => {
  const { stripe } = world;
  const customer = await world.customer();
  const bill = async (amount: number) => {
    await stripe.invoiceItems.create({ customer: customer.id, amount, currency: "usd" });
    const draft = await stripe.invoices.create({
      customer: customer.id,
      pending_invoice_items_behavior: "include",
    });
    return stripe.invoices.finalizeInvoice(draft.id);
  };
  expect(await bill(20)).toMatchObject({ status: "paid", total: 20, amount_due: 0, ending_balance: 20 });
  expect(await bill(500)).toMatchObject({ status: "open", total: 500, amount_due: 520, ending_balance: 0 });
});

test("a draft by hand can be deleted and a finalized one cannot be changed", async () => {
  const { stripe } = world;
  const customer = await world.customer();
  const item = await stripe.invoiceItems.create({ customer: customer.id, amount: 800, currency: "usd" });
  const draft = await stripe.invoices.create({
    customer: customer.id,
    pending_invoice_items_behavior: "include",
  });
  await stripe.invoiceItems.update(item.id, { amount: 700 });
  expect((await stripe.invoices.retrieve(draft.id)).total).toBe(700);
  await stripe.invoices.finalizeInvoice(draft.id);
  await expect(stripe.invoiceItems.del(item.id)).rejects.toMatchObject({ code: "invoice_not_editable" });
  await expect(stripe.invoices.finalizeInvoice(draft.id)).rejects.toMatchObject({
    code: "invoice_not_editable",
  });
  await expect(stripe.invoices.del(draft.id)).rejects.toMatchObject({ code: "invoice_not_editable" });
  const another = await stripe.invoices.create({ customer: customer.id });
  expect(await stripe.invoices.del(another.id)).toMatchObject({ deleted: true });
  await expect(stripe.invoices.retrieve(another.id)).rejects.toMatchObject({ code: "resource_missing" });
});

test("a credit note lowers what is owed, or goes to the customer's balance once it was paid", async () => {
  const { stripe } = world;
  const customer = await world.customer();
  await stripe.invoiceItems.create({ customer: customer.id, amount: 5_000, currency: "usd" });
  const draft = await stripe.invoices.create({
    customer: customer.id,
    pending_invoice_items_behavior: "include",
  });
  const open = await stripe.invoices.finalizeInvoice(draft.id);
  const before = await stripe.creditNotes.create({ invoice: open.id, amount: 1_000, reason: "order_change" });
  expect(before).toMatchObject({ type: "pre_payment", amount: 1_000, status: "issued" });
  const paid = await stripe.invoices.pay(open.id);
  expect(paid).toMatchObject({ status: "paid", amount_paid: 4_000, pre_payment_credit_notes_amount: 1_000 });
  await stripe.creditNotes.create({
    invoice: open.id,
    lines: [{ type: "invoice_line_item", invoice_line_item: paid.lines.data[0]?.id ?? "", amount: 500 }],
  });
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ balance: -500 });
  await expect(stripe.creditNotes.create({ invoice: open.id, amount: 9_000 })).rejects.toMatchObject({
    param: "amount",
  });
});

test("lists filter by customer, subscription, status and price", async () => {
  const { stripe, catalog } = world;
  const customer = await world.customer();
  const subscription = await world.subscribe(customer.id, [catalog.pro]);
  const other = await world.subscribe(customer.id, [catalog.business]);
  const ids = async (list: Promise<{ data: { id: string }[] }>) => (await list).data.map((each) => each.id);
  expect(await ids(stripe.subscriptions.list({ customer: customer.id }))).toEqual([
    other.id,
    subscription.id,
  ]);
  expect(await ids(stripe.subscriptions.list({ customer: customer.id, price: catalog.pro.id }))).toEqual([
    subscription.id,
  ]);
  await stripe.subscriptions.cancel(other.id);
  expect(await ids(stripe.subscriptions.list({ customer: customer.id, status: "canceled" }))).toEqual([
    other.id,
  ]);
  expect(await ids(stripe.subscriptions.list({ customer: customer.id }))).toEqual([subscription.id]);
  expect((await stripe.invoices.list({ customer: customer.id, status: "paid" })).data).toHaveLength(2);
  expect(amounts(await world.invoice(subscription.id, 0))).toEqual([2_900]);
  expect(await ids(stripe.subscriptionItems.list({ subscription: subscription.id }))).toEqual([
    subscription.items.data[0]?.id,
  ]);
});
