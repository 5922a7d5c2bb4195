import { describe, expect, test } from "vitest";
import type { MetricUsage, Plan, Subscription } from "../api/router-outputs.ts";
import { metricStanding } from "./metric-standing.ts";
import { planOffer } from "./plan-offer.ts";
import { cardWarning, paymentWarning, standing } from "./standing.ts";

const plan = (id: Plan["id"], amountMinor: number): Plan => ({
  id,
  version: 1,
  name: id,
  price: { amountMinor, currency: "usd", interval: "month" },
  features: [],
  limits: {},
  retentionDays: 7,
  support: "basic",
  overage: [],
});
const plans = [plan("free", 0), plan("pro", 2900), plan("business", 9900)];

const onPlan = (planId: Plan["id"], changes: Partial<Subscription> = {}): Subscription => ({
  accountId: "a",
  planId,
  planVersion: 1,
  status: "active",
  period: { start: "2026-01-31T00:00:00.000Z", end: "2026-02-28T00:00:00.000Z" },
  cancelAtPeriodEnd: false,
  pendingPlanId: null,
  paymentState: "ok",
  access: "full",
  dueInvoice: null,
  expiringCard: null,
  ...changes,
});

describe("what a plan's button does", () => {
  test.each([
    ["free", onPlan("free"), { kind: "present" }],
    ["pro", onPlan("free"), { kind: "buy" }],
    ["business", onPlan("pro"), { kind: "change", direction: "upgrade" }],
    ["pro", onPlan("business"), { kind: "change", direction: "downgrade" }],
    ["free", onPlan("pro"), { kind: "cancel" }],
    ["pro", onPlan("pro", { cancelAtPeriodEnd: true, pendingPlanId: "free" }), { kind: "keep" }],
    ["free", onPlan("pro", { cancelAtPeriodEnd: true, pendingPlanId: "free" }), { kind: "pending" }],
    ["business", onPlan("business", { pendingPlanId: "pro" }), { kind: "keep" }],
    ["pro", onPlan("business", { pendingPlanId: "pro" }), { kind: "pending" }],
  ] as const)("%s", (planId, subscription, offer) => {
    expect(planOffer(planId, subscription, plans)).toEqual(offer);
  });
});

describe("where a subscription stands", () => {
  test("what is owed outweighs what is planned", () => {
    const ending = { cancelAtPeriodEnd: true, pendingPlanId: "free" } as const;
    expect(standing(onPlan("pro", ending)).label).toBe("Ends soon");
    expect(standing(onPlan("pro", { ...ending, paymentState: "past_due" })).label).toBe("Payment failed");
  });

  test("who owes nothing is not warned", () => expect(paymentWarning(onPlan("pro"))).toBeNull());

  test("limited access is named", () => {
    expect(paymentWarning(onPlan("pro", { paymentState: "unpaid", access: "read_only" }))?.detail).toContain(
      "access is limited",
    );
  });
});

describe("what is wrong with a payment", () => {
  const owed = (declineCode: string | null, nextAttemptAt: string | null) =>
    onPlan("pro", {
      paymentState: "past_due",
      dueInvoice: {
        id: "in_1",
        number: "A-1",
        amountRemainingMinor: 2900,
        currency: "usd",
        hostedUrl: null,
        needsConfirmation: false,
        declineCode,
        nextAttemptAt,
      },
    });
  const detailOf = (declineCode: string | null, nextAttemptAt: string | null) =>
    paymentWarning(owed(declineCode, nextAttemptAt), "en-US")?.detail;

  test("why it failed, and when it is tried again", () => {
    const detail = detailOf("insufficient_funds", "2026-02-03T12:00:00.000Z");
    expect(detail).toContain("There was not enough money on the card’s account. You keep your plan for now.");
    expect(detail).toContain("We try your card again on Feb 3, 2026");
  });

  test("where only the customer can help, that is said", () => {
    expect(detailOf("expired_card", null)).toContain("The card has expired.");
    expect(detailOf("expired_card", null)).toContain("We cannot try this card again");
  });

  test("a reason that is not known, or not told, is no code", () => {
    for (const code of [null, "generic_decline", "some_new_code"])
      expect(detailOf(code, null)).toContain("Your bank declined it without a reason");
  });

  test("a card that ends is named with its end", () => {
    const card = { brand: "visa", last4: "4242", expMonth: 2, expYear: 2026, hasExpired: false };
    expect(cardWarning(onPlan("pro", { expiringCard: card }))).toMatchObject({
      title: "Your card expires soon",
      detail: expect.stringContaining("Your Visa card ending in 4242 is good until the end of 02/2026."),
    });
    expect(cardWarning(onPlan("pro", { expiringCard: { ...card, hasExpired: true } }))?.title).toBe(
      "Your card has expired",
    );
    expect(cardWarning(onPlan("pro"))).toBeNull();
  });
});

describe("how far a metric is", () => {
  const usage = (changes: Partial<MetricUsage>): MetricUsage => ({
    metric: "events",
    used: 0,
    held: 0,
    limit: 100_000,
    remaining: 100_000,
    overage: 0,
    overagePolicy: "bill",
    resetsAt: "2026-02-28T00:00:00.000Z",
    ...changes,
  });
  const locale = "en-US";
  const price = { metric: "events", amountMinor: 50, perUnits: 1000, currency: "usd" };

  test("below the limit, what comes after it is said", () => {
    expect(metricStanding(usage({ used: 1000 }), { overage: price, locale })).toMatchObject({
      share: 0.01,
      level: "calm",
      consequence: "Past 100,000 events, more is billed at $0.50 for each 1,000.",
    });
  });

  test("past it, what it costs by now", () => {
    expect(
      metricStanding(usage({ used: 150_000, overage: 50_000 }), { overage: price, locale }),
    ).toMatchObject({
      share: 1,
      overShare: 1 / 3,
      level: "over",
      consequence: "50,000 beyond what is included: $25.00 so far, at $0.50 for each 1,000.",
    });
  });

  test("a version whose price is not known names none", () => {
    expect(metricStanding(usage({ used: 150_000, overage: 50_000 }), { locale }).consequence).toBe(
      "50,000 beyond what is included, billed at the period's end.",
    );
  });

  test("a spent quota is spent at the limit itself", () => {
    const refused = usage({ overagePolicy: "refuse", limit: 10_000 });
    expect(metricStanding({ ...refused, used: 9_999 }, { locale }).level).toBe("near");
    expect(metricStanding({ ...refused, used: 10_000 }, { locale })).toMatchObject({
      level: "spent",
      amount: "10,000 of 10,000",
    });
  });

  test("what reservations hold is said, and is not used", () => {
    const held = usage({
      overagePolicy: "refuse",
      limit: 10_000,
      used: 6_000,
      held: 1_500,
      remaining: 2_500,
    });
    expect(metricStanding(held, { locale })).toMatchObject({
      share: 0.6,
      amount: "6,000 of 10,000",
      consequence: "1,500 more held by reservations. Past 10,000 events, more is refused.",
    });
    expect(metricStanding({ ...held, held: 4_000, remaining: 0 }, { locale })).toMatchObject({
      level: "near",
      consequence:
        "4,000 more held by reservations: further events are refused until some are given back or the period ends.",
    });
    expect(metricStanding({ ...held, limit: null, overagePolicy: "unlimited" }, { locale }).consequence).toBe(
      "1,500 more held by reservations. Counted, without a limit.",
    );
  });

  test("without a limit there is no bar", () => {
    expect(
      metricStanding(usage({ limit: null, overagePolicy: "unlimited" }), { overage: price, locale }).share,
    ).toBeNull();
  });
});
