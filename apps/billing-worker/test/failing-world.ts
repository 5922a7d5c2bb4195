import { sql } from "@driftlock/db";
import { expect } from "vitest";
import { keepReporting, openPaying, type PayingWorld } from "./time-world.ts";

const hourMs = 3_600_000;
export const patience = { timeout: 15_000, interval: 50 };

interface CaseView {
  state: string;
  attempts: number;
  decline_code: string | null;
}

/** The latest dunning case. */
export const dunning = async (world: PayingWorld): Promise<CaseView | undefined> =>
  (
    await world.rows<CaseView>(
      sql`select state, attempts, decline_code from dunning_cases order by first_failed_at desc limit 1`,
    )
  )[0];

export const status = async (world: PayingWorld) =>
  (await world.stripe.subscriptions.retrieve(world.subscription)).status;

export const lastInvoice = async (world: PayingWorld) => (await world.invoices()).at(-1);

/** The plan of the present period. */
export const plan = async (world: PayingWorld) =>
  (
    await world.rows<{ plan_id: string }>(
      sql`select plan_id from usage_periods where period_start <= ${world.clock.now()}::timestamptz
      and period_end > ${world.clock.now()}::timestamptz`,
    )
  )[0]?.plan_id;

/** What was told of an invoice, in order. */
export const toldOf = async (world: PayingWorld, invoiceId: string) =>
  (await world.notices()).filter(({ key }) => key.includes(invoiceId)).map(({ type }) => type);

/** The whole worker beside Stripe; the renewal is due and the card fails. */
export async function openFailing(
  card: string,
  overrides: Record<string, string> = {},
  { hasOtherCard = false } = {},
) {
  const world = await openPaying({ card });
  if (hasOtherCard) {
    const other = await world.stripe.paymentMethods.attach("pm_card_visa", { customer: world.customer });
    await world.stripe.customers.update(world.customer, {
      invoice_settings: { default_payment_method: other.id },
    });
  }
  await world.receiveWebhooks();
  const worker = await world.startWorker(overrides);
  keepReporting(world);
  await world.syncAll([world.customer, "customer"], [world.subscription, "subscription"]);
  const { end } = await world.period();
  await world.travelTo(new Date(end.getTime() + hourMs));
  await expect.poll(() => dunning(world), patience).toBeDefined();
  const invoiceId = (await lastInvoice(world))?.id ?? "";
  return { ...world, worker, failedAt: end, invoiceId };
}
