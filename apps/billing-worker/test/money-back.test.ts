import { moneyBack, sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { patience } from "./failing-world.ts";
import { openPaying } from "./time-world.ts";

test("refunds and disputes are mirrored and told once, and a dispute counts until it is won or its subscription ends", {
  timeout: 60_000,
}, async () => {
  const world = await openPaying();
  const { stripe, customer, db } = world;
  await world.receiveWebhooks();
  await world.startWorker();
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  const invoiceId = (await world.invoices())[0]?.id ?? "";
  await world.syncAll([invoiceId, "invoice"]);
  const [charge] = (await stripe.charges.list({ customer })).data;
  const chargeId = charge?.id ?? "";
  const post = async (path: string, body: object = {}) => {
    const response = await fetch(`${world.simulator.url}/_sim/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as { id: string };
  };
  const told = async () =>
    (await world.notices()).map(({ key }) => key).filter((key) => key.startsWith("charge."));

  await stripe.refunds.create({ charge: chargeId, amount: 900 });
  const refundedMinor = async () => (await moneyBack.listRefundedMinor(db, [invoiceId]))[0]?.refundedMinor;
  await expect.poll(refundedMinor, patience).toBe(900);
  await stripe.refunds.create({ charge: chargeId });
  await expect.poll(refundedMinor, patience).toBe(2900);
  const refunds = [`charge.refunded.${chargeId}.900`, `charge.refunded.${chargeId}.2900`];
  expect(await told()).toEqual(refunds);

  const isDisputed = () => moneyBack.isAccountDisputed(db, "acme");
  const { id: won } = await post(`charges/${chargeId}/dispute`);
  await expect.poll(isDisputed, patience).toBe(true);
  await post(`disputes/${won}/decide`, { status: "won" });
  await expect.poll(isDisputed, patience).toBe(false);
  const { id: lost } = await post(`charges/${chargeId}/dispute`);
  await post(`disputes/${lost}/decide`, { status: "lost" });
  await expect.poll(isDisputed, patience).toBe(true);
  expect((await told()).filter((key) => key.includes(won))).toEqual([
    `charge.disputed.${won}`,
    `charge.dispute_closed.${won}`,
  ]);
  await expect.poll(told, patience).toContain(`charge.dispute_closed.${lost}`);
  await world.settle();
  const before = await told();
  // Heard of again, nothing is told again.
  await world.syncAll([chargeId, "charge"], [won, "dispute"], [lost, "dispute"]);
  expect(await told()).toEqual(before);
  expect(await world.rows(sql`select status, invoice_id as invoice from disputes order by status`)).toEqual([
    { status: "lost", invoice: invoiceId },
    { status: "won", invoice: invoiceId },
  ]);

  await stripe.subscriptions.cancel(world.subscription);
  await expect.poll(isDisputed, patience).toBe(false);
});
