import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { applyStripeEvent } from "@driftlock/contracts";
import { type Db, sql, usageReports } from "@driftlock/db";
import { createTicker } from "@driftlock/runtime";
import { readWebhook, stripeApiVersion, stripeHintOf } from "@driftlock/stripe";
import { expect } from "vitest";
import { log, openWorld } from "./world.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** A world whose time can be moved, with what Stripe and the aggregator do meanwhile. */
export async function openMoving() {
  const world = await openWorld();
  const { stripe, clock, life, db } = world;
  const { testClockId } = world.simulator;
  return {
    ...world,
    travelTo: async (instant: Date): Promise<void> => {
      await stripe.testHelpers.testClocks.advance(testClockId, {
        frozen_time: Math.ceil(instant.getTime() / 1000),
      });
      await expect
        .poll(async () => (await stripe.testHelpers.testClocks.retrieve(testClockId)).status, {
          timeout: 60_000,
          interval: 20,
        })
        .toBe("ready");
      await expect
        .poll(() => clock.now().getTime(), { timeout: 5_000 })
        .toBeGreaterThanOrEqual(instant.getTime());
    },
    /** Posts every event of Stripe to the queue, as the ingester does. */
    receiveWebhooks: async () => {
      const server = createServer((request, response) => {
        void text(request)
          .then((body) => world.producer.add(applyStripeEvent, stripeHintOf(readWebhook(JSON.parse(body)))))
          .then(
            () => response.writeHead(200).end(),
            () => response.writeHead(500).end(),
          );
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      life.own("webhooks", server, () => {
        server.closeAllConnections();
        server.close();
      });
      await stripe.webhookEndpoints.create({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
        enabled_events: ["*"],
        api_version: stripeApiVersion,
      });
    },
    /** Sends frozen windows to Stripe, as the aggregator does. */
    sendReports: async (): Promise<void> => {
      for (const report of await usageReports.claimReports(db, {
        now: clock.now(),
        leaseMs: 10_000,
        limit: 100,
      })) {
        await stripe.billing.meterEvents.create({
          event_name: report.meterEventName,
          identifier: report.identifier,
          timestamp: report.eventAt.getTime() / 1000,
          payload: {
            stripe_customer_id: report.stripeCustomerId,
            value: String(report.toQuantity - report.fromQuantity),
          },
        });
        await usageReports.updateReportSent(db, report.identifier, clock.now());
      }
    },
  };
}

export type MovingWorld = Awaited<ReturnType<typeof openMoving>>;

/** A world with an account that pays for Pro, and with the moves that take time. */
export async function openPaying({ planId = "pro", card = "pm_card_visa" } = {}) {
  const world = await openMoving();
  const { stripe, clock } = world;
  await world.openAccount("acme");
  const customer = await world.createCustomer("acme");
  const subscription = await world.subscribe("acme", customer, planId);

  const setCard = async (token: string): Promise<string> => {
    const { id } = await stripe.paymentMethods.attach(token, { customer });
    await stripe.customers.update(customer, { invoice_settings: { default_payment_method: id } });
    await stripe.subscriptions.update(subscription, { default_payment_method: id });
    return id;
  };
  if (card !== "pm_card_visa") await setCard(card);

  const syncAll = async (...objects: readonly (readonly [id: string, type: string])[]): Promise<void> => {
    for (const [id, type] of objects) {
      await world.mark(id, type, customer);
      await world.sync(id);
    }
  };
  const period = async (): Promise<{ start: Date; end: Date }> => {
    const [item] = (await stripe.subscriptions.retrieve(subscription)).items.data;
    if (item === undefined) throw new Error("the subscription has no item");
    return {
      start: new Date(item.current_period_start * 1000),
      end: new Date(item.current_period_end * 1000),
    };
  };

  return {
    ...world,
    customer,
    subscription,
    setCard,
    syncAll,
    travelDays: (days: number) => world.travelTo(new Date(clock.now().getTime() + days * dayMs)),
    period,
    invoices: async () => (await stripe.invoices.list({ subscription, limit: 100 })).data.reverse(),
    notices: () =>
      world.rows<{ type: string; key: string }>(
        sql`select type, dedupe_key as key from notices where type not like 'subscription.%' order by notice_no`,
      ),
  };
}

export type PayingWorld = Awaited<ReturnType<typeof openPaying>>;

/** Sends reports again and again until the test ends. */
export function keepReporting(world: MovingWorld): void {
  world.life.own(
    "reporter",
    createTicker({ name: "reporter", intervalMs: 50, run: world.sendReports, log }),
    (ticker) => ticker.close(),
  );
}

/** A paying account with all that runs beside it: a whole worker, webhooks and reports. `start` and `end`: its period. */
export async function openRunning() {
  const world = await openPaying();
  await world.receiveWebhooks();
  await world.startWorker();
  keepReporting(world);
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  const { start, end } = await world.period();
  return {
    ...world,
    start,
    end,
    /** In one jump. Stripe's clock goes 62 days at most, which two months of 31 take whole: it begins two days in. */
    jumpPastTwoRenewals: async (): Promise<void> => {
      await world.travelTo(new Date(start.getTime() + 2 * dayMs));
      await world.travelTo(new Date(end.getTime() + 32 * dayMs));
    },
  };
}

/** A database that dies at its `calls`-th call from here: what was done before stays, as in a crash. */
export function dyingDb(db: Db, calls: number): Db {
  let left = calls;
  const dieWhenDue = () => {
    if (left-- <= 0) throw new Error("crashed");
  };
  const wrap = <Call extends (...given: never[]) => Promise<unknown>>(call: Call) =>
    (async (...given: Parameters<Call>) => {
      dieWhenDue();
      return call(...given);
    }) as unknown as Call;
  return {
    ...db,
    rows: wrap(db.rows),
    row: wrap(db.row),
    run: wrap(db.run),
    transaction: wrap(db.transaction),
  };
}
