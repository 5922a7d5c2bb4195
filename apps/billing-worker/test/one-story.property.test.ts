import { type Db, dunningCases, type InvoiceRow, invoices, sql } from "@driftlock/db";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { beginTry, recordOutcome } from "../src/dunning/try-payment.ts";
import { applyInvoiceRow } from "../src/sync/apply-invoice-row.ts";
import { at, openAccount, openDatabase } from "./helpers.ts";

const opened = at("2026-01-01T00:00:00");

/** What happens to an invoice at Stripe, and the tries that are ours. */
const steps = fc.constantFrom("stripe-fails", "asks", "we-fail", "we-try") as fc.Arbitrary<
  "stripe-fails" | "asks" | "we-fail" | "we-try"
>;
const ends = fc.constantFrom(
  "we-pay",
  "paid",
  "uncollectible",
  "void",
  "cancelled",
  "given-up-by-stripe",
  "none",
);
const history = fc.record({
  mode: fc.constantFrom("worker", "stripe") as fc.Arbitrary<"worker" | "stripe">,
  steps: fc.array(steps, { maxLength: 6 }),
  end: ends,
  /** Of each state that Stripe had: after how many further ones it reaches us, and how often. */
  deliveries: fc.array(fc.record({ delay: fc.nat({ max: 4 }), times: fc.nat({ max: 2 }) }), {
    minLength: 9,
    maxLength: 9,
  }),
});

let world: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  world = await openDatabase(opened);
  await openAccount(world.db, "acme", opened);
});
afterAll(() => world[Symbol.asyncDispose]());

const failed = (invoiceId: string): InvoiceRow => ({
  invoiceId,
  accountId: "acme",
  stripeSubscriptionId: "sub_1",
  number: null,
  status: "open",
  billingReason: "subscription_cycle",
  totalMinor: 2900,
  amountDueMinor: 2900,
  amountPaidMinor: 0,
  amountRemainingMinor: 2900,
  currency: "usd",
  periodStart: opened,
  periodEnd: opened,
  hostedUrl: null,
  pdfUrl: null,
  lines: [],
  createdAt: opened,
  finalizedAt: opened,
  paidAt: null,
  nextPaymentAttemptAt: null,
  automaticallyFinalizesAt: null,
  autoAdvance: true,
  attemptCount: 1,
  paymentIntentId: null,
  isActionRequired: false,
  failedPaymentMethodId: null,
  declineCode: "generic_decline",
  fetchSequence: 0,
});

type Ended = { isForNonPayment: boolean } | null;

/** Lives a history through, each state of Stripe's fetched in its order and applied in any. @returns the last state. */
async function live(db: Db, invoiceId: string, { mode, steps: happened, end, deliveries }: History) {
  let now = opened;
  let invoice = failed(invoiceId);
  let ended = null as Ended;
  const fetched: { invoice: InvoiceRow; ended: Ended; dueAt: number; times: number }[] = [];
  const apply = (state: { invoice: InvoiceRow; ended: Ended }) =>
    db.transaction((tx) => {
      const subscriptionEnd = state.ended && { ...state.ended, endedAt: new Date(opened.getTime() + 1_000) };
      return applyInvoiceRow(tx, { invoice: state.invoice, subscriptionEnd, mode, now });
    });
  const ourTry = async (outcome: Parameters<typeof recordOutcome>[1]["outcome"] | null) => {
    const dunning = await dunningCases.findCase(db, invoiceId);
    const mirrored = await invoices.findInvoice(db, invoiceId);
    if (dunning === null || mirrored === null || dunning.settledAt !== null) return false;
    const deps = { db, clock: { now: () => now } };
    const attempt = await beginTry(deps, { dunning });
    if (outcome !== null) await recordOutcome(deps, { due: { dunning, mirrored }, attempt, outcome });
    return true;
  };
  const change: Record<History["steps"][number] | History["end"], () => unknown> = {
    "stripe-fails": () =>
      (invoice = { ...invoice, attemptCount: invoice.attemptCount + 1, isActionRequired: false }),
    asks: () => (invoice = { ...invoice, isActionRequired: true }),
    "we-fail": () =>
      ourTry({ outcome: "declined", declineCode: "insufficient_funds", paymentMethodId: null }),
    "we-try": () => ourTry({ outcome: "processing" }),
    "we-pay": async () => {
      if (await ourTry({ outcome: "paid" }))
        invoice = { ...invoice, status: "paid", amountRemainingMinor: 0 };
    },
    paid: () => (invoice = { ...invoice, status: "paid", amountRemainingMinor: 0 }),
    uncollectible: () => (invoice = { ...invoice, status: "uncollectible" }),
    void: () => (invoice = { ...invoice, status: "void", amountRemainingMinor: 0 }),
    cancelled: () => (ended = { isForNonPayment: false }),
    "given-up-by-stripe": () => (ended = { isForNonPayment: true }),
    none: () => {},
  };
  const happen = async (index: number, step: keyof typeof change | null) => {
    now = new Date(now.getTime() + 3_600_000);
    if (step !== null) await change[step]();
    invoice = { ...invoice, fetchSequence: index + 1 };
    const { delay = 0, times = 1 } = deliveries[index] ?? {};
    fetched.push({ invoice, ended, dueAt: index + delay, times });
    for (const state of fetched.filter(({ dueAt }) => dueAt === index).reverse())
      for (let time = 0; time < state.times; time += 1) await apply(state);
  };
  await happen(0, null);
  for (const [index, step] of happened.entries()) await happen(index + 1, step);
  await happen(happened.length + 1, end);
  for (const state of fetched.toReversed()) await apply(state);
  return { invoice, ended };
}

type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

test("whatever the order, an invoice has one story: no failure after its end, nothing told twice", {
  timeout: 60_000,
}, async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(history, async (lived) => {
      const invoiceId = `in_${(count += 1)}`;
      const { db } = world;
      const { invoice, ended } = await live(db, invoiceId, lived);
      const rows = await db.rows<{ type: string }>(
        "test.told",
        sql`select type from notices where data ->> 'invoiceId' = ${invoiceId}::text order by notice_no`,
      );
      const told = rows.map(({ type }) => type.replace("invoice.", ""));
      const isFailure = (type: string) => type === "payment_failed" || type === "payment_action_required";
      const end = told.findIndex((type) => !isFailure(type));
      expect(end === -1 ? [] : told.slice(end).filter(isFailure)).toEqual([]);
      expect(told.filter((type) => type === "paid")).toHaveLength(invoice.status === "paid" ? 1 : 0);
      const isGivenUp = invoice.status === "uncollectible" || ended?.isForNonPayment === true;
      const dunning = await dunningCases.findCase(db, invoiceId);
      expect(told.filter((type) => type === "uncollectible")).toHaveLength(
        isGivenUp && dunning !== null ? 1 : 0,
      );
      const state =
        invoice.status === "paid"
          ? "recovered"
          : isGivenUp
            ? "gave_up"
            : invoice.status === "void" || ended !== null
              ? "stopped"
              : null;
      if (dunning !== null && state !== null) expect(dunning.state).toBe(state);
      if (dunning !== null && state === null) expect(dunning.settledAt).toBeNull();
    }),
    { numRuns: 100 },
  );
});
