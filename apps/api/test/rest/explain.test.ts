import { type InvoiceRow, invoices, sql, usageDigests } from "@driftlock/db";
import { beforeAll, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();
const dayMs = 86_400_000;
const start = new Date(Math.floor(Date.now() / 1000) * 1000 - 10 * dayMs);
const cut = new Date(start.getTime() + 3 * dayMs);
const end = new Date(start.getTime() + 8 * dayMs);
const at = (offsetMs: number) => new Date(start.getTime() + offsetMs);
let account: string;
let stranger: string;

const get = (path: string, accountId = account) =>
  gateway.request("GET", `${path}${path.includes("?") ? "&" : "?"}accountId=${accountId}`, {
    bearer: gateway.serviceKey,
  });

/** Pro from `start` to `end`, then Free; Business in between would have another price. */
beforeAll(async () => {
  account = await gateway.openAccount();
  stranger = await gateway.openAccount();
  const { db } = gateway;
  await db.run("test", sql`delete from usage_periods where account_id = ${account}::text`);
  await db.run(
    "test",
    sql`insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version, stripe_subscription_id, closed_at)
    select ${account}::text, * from unnest(${[start, cut, end]}::timestamptz[], ${[cut, end, at(40 * dayMs)]}::timestamptz[],
      array['pro', 'pro', 'free'], array[1, 1, 1], array['sub_1', 'sub_1', null], ${[end, end, null]}::timestamptz[])`,
  );
  await db.run(
    "test",
    sql`insert into usage_records (account_id, event_id, metric, quantity, occurred_at, received_at, generation)
    select ${account}::text, id, metric, quantity, at, at, 1
    from unnest(array['a', 'b/ü', 'c', 'other', 'late', 'set', 'free', 'd'],
      array['events', 'events', 'events', 'alerts', 'events', 'events', 'events', 'events'],
      array[100000, 50, 9, 1, 1, 1, 1, 5000]::bigint[],
      ${[0, 1, dayMs, 2, 3 * dayMs, 4 * dayMs, 9 * dayMs, dayMs].map(at)}::timestamptz[]) as r (id, metric, quantity, at)`,
  );
  await db.run(
    "test",
    sql`insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
    select ${account}::text, 'events', *, now() from unnest(${[start, cut, end]}::timestamptz[], array[105059, 2, 1]::bigint[],
      array[4, 2, 1]::bigint[])`,
  );
  await db.run(
    "test",
    sql`insert into usage_quarantine (account_id, event_id, metric, payload, reason, detail, received_at, quarantined_at)
    values (${account}::text, 'a', 'events', '{}', 'conflict', 'another quantity', now(), now()),
      (${account}::text, 'aside', 'nothing', '{}', 'unknown-metric', 'there is none', now(), now())`,
  );
  await db.run(
    "test",
    sql`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity, to_quantity,
      stripe_customer_id, meter_event_name, event_at, state, created_at, sent_at)
    select 'report.' || no, ${account}::text, 'events', ${start}::timestamptz, no, since, until, 'cus_1', 'driftlock_events',
      ${start}::timestamptz, 'sent', now(), now()
    from unnest(array[1, 2], array[0, 50000], array[50000, 100059]) as w (no, since, until)`,
  );
  await usageDigests.insertDigest(db, {
    accountId: account,
    metric: "events",
    periodStart: start,
    digest: "ab".repeat(32),
    eventCount: 3,
    quantity: 100_059,
    totalEventCount: 3,
    computedAt: end,
  });
  await db.run(
    "test",
    sql`update usage_records set received_at = ${at(9 * dayMs)}::timestamptz where event_id = 'd'`,
  );
  await db.run(
    "test",
    sql`insert into usage_adjustments (adjustment_id, account_id, metric, period_start, period_end, window_no, from_quantity,
      to_quantity, amount_minor, currency, reason, stripe_subscription_id, stripe_customer_id, state, created_at)
    values ('adj_1', ${account}::text, 'events', ${start}::timestamptz, ${cut}::timestamptz, 1, 100059, 105059, 250, 'usd', 'late',
      'sub_1', 'cus_1', 'pending', ${at(9 * dayMs)}::timestamptz)`,
  );
  await putInvoice("in_paid", "paid");
  await putInvoice("in_draft", "draft", { start: cut, end });
});

async function putInvoice(invoiceId: string, status: "paid" | "draft", period = { start, end: cut }) {
  const [{ priceId } = { priceId: "" }] = await gateway.db.rows<{ priceId: string }>(
    "test",
    sql`select stripe_price_id as "priceId" from plan_limits where plan_id = 'pro' and metric = 'events'`,
  );
  const metered = {
    lineId: `${invoiceId}_1`,
    description: "Events, tier 1",
    amountMinor: 0,
    quantity: 100_000,
    periodStart: period.start.toISOString(),
    periodEnd: period.end.toISOString(),
    stripePriceId: priceId,
    subscriptionItemId: "si_1",
    metric: "events",
    isProration: false,
  };
  const overage = {
    ...metered,
    lineId: `${invoiceId}_2`,
    description: "Events, tier 2",
    quantity: 59,
    amountMinor: 3,
  };
  const licence = { ...metered, lineId: `${invoiceId}_pro`, metric: null, quantity: 1, amountMinor: 2_900 };
  const row: InvoiceRow = {
    invoiceId,
    accountId: account,
    stripeSubscriptionId: "sub_1",
    number: "1",
    status,
    billingReason: "subscription_cycle",
    totalMinor: 2_903,
    amountDueMinor: 2_903,
    amountPaidMinor: 0,
    amountRemainingMinor: 2_903,
    currency: "usd",
    periodStart: start,
    periodEnd: end,
    hostedUrl: null,
    pdfUrl: null,
    lines: [licence, metered, overage],
    createdAt: end,
    finalizedAt: null,
    paidAt: null,
    nextPaymentAttemptAt: null,
    automaticallyFinalizesAt: null,
    autoAdvance: false,
    attemptCount: 0,
    paymentIntentId: null,
    isActionRequired: false,
    failedPaymentMethodId: null,
    declineCode: null,
    fetchSequence: 1,
  };
  await invoices.upsertInvoice(gateway.db, row);
}

const adjustment = {
  id: "adj_1",
  fromQuantity: 100_059,
  toQuantity: 105_059,
  amountMinor: 250,
  reason: "late",
  state: "pending",
  invoiceId: null,
};

test("a metered line with its arithmetic, its part of the account's time, and the digest", async () => {
  expect((await get("/billing/invoices/in_paid/explain")).body).toEqual({
    invoiceId: "in_paid",
    accountId: account,
    status: "paid",
    currency: "usd",
    lines: [
      {
        metric: "events",
        quantity: 100_059,
        amountMinor: 3,
        period: { start: start.toISOString(), end: cut.toISOString() },
        parts: [
          { lineId: "in_paid_1", description: "Events, tier 1", quantity: 100_000, amountMinor: 0 },
          { lineId: "in_paid_2", description: "Events, tier 2", quantity: 59, amountMinor: 3 },
        ],
        charge: {
          includedQuantity: 100_000,
          tiers: [
            { from: 0, upTo: 100_000, units: 100_000, amountMinor: 0, perUnits: 1 },
            { from: 100_000, upTo: null, units: 59, amountMinor: 50, perUnits: 1_000 },
          ],
          unroundedMinor: "2950/1000",
          amountMinor: 3,
          isAsInvoiced: true,
        },
        segments: [
          {
            period: { start: start.toISOString(), end: cut.toISOString() },
            planId: "pro",
            planVersion: 1,
            closedAt: end.toISOString(),
            total: { quantity: 105_059, eventCount: 4 },
            reported: { quantity: 100_059, windows: 2 },
            adjustments: [adjustment],
            digest: {
              scheme: "driftlock.usage.v1",
              version: 1,
              digest: "ab".repeat(32),
              eventCount: 3,
              quantity: 100_059,
              computedAt: end.toISOString(),
            },
          },
        ],
      },
    ],
  });
});

test.each([
  ["events", ["a", "b/ü", "c", "d"], "id"],
  ["reports", ["report.1", "report.2"], "identifier"],
])("its %s come page by page, and no others", async (part, expected, key) => {
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await get(
      `/billing/invoices/in_paid/explain/${part}?metric=events&limit=1${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    expect(page.status).toBe(200);
    expect(page.body.data.length).toBeLessThanOrEqual(1);
    seen.push(...page.body.data.map((each: Record<string, string>) => each[key]));
    cursor = page.body.nextCursor;
  }
  expect(seen).toEqual(expected);
  const path = `/billing/invoices/in_paid/explain/${part}`;
  expect((await get(`${path}?metric=alerts`)).body.code).toBe("UNKNOWN_METRIC");
  expect((await get(`${path}?metric=events&cursor=nonsense`)).body.code).toBe("INVALID");
});

test.each([
  ["a", "invoiced", "in_paid", ["conflict"]],
  ["b/ü", "invoiced", "in_paid", []],
  ["d", "carried", "in_paid", []],
  ["late", "not-yet-invoiced", "in_draft", []],
  ["other", "not-billed-by-plan", null, []],
  ["free", "free-plan", null, []],
])("the event %s leads to its line, or to why there is none: %s", async (id, billing, invoiceId, aside) => {
  const { status, body } = await get(`/billing/usage/events/${encodeURIComponent(id)}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ id, record: { billing, invoiceId } });
  expect(body.setAside.map(({ reason }: { reason: string }) => reason)).toEqual(aside);
});

test("one that came after the close leads to what was billed apart", async () => {
  expect((await get("/billing/usage/events/d")).body.record).toMatchObject({
    billing: "carried",
    adjustment,
  });
});

test("one that was only set aside says why; one that nobody knows is 404", async () => {
  expect((await get("/billing/usage/events/aside")).body).toMatchObject({
    record: null,
    setAside: [{ reason: "unknown-metric", detail: "there is none", replayedAt: null }],
  });
  expect(await get("/billing/usage/events/never")).toMatchObject({
    status: 404,
    body: { code: "EVENT_NOT_FOUND" },
  });
});

test("nobody sees another account's", async () => {
  expect((await get("/billing/usage/events/a", stranger)).body.code).toBe("EVENT_NOT_FOUND");
  for (const part of ["", "/events?metric=events", "/reports?metric=events"])
    expect((await get(`/billing/invoices/in_paid/explain${part}`, stranger)).body.code).toBe(
      "INVOICE_NOT_FOUND",
    );
});

test("events past the retention of records are said to be gone, not none", async () => {
  await gateway.db.run("test", sql`select rotate_usage_generation(1, now())`);
  await gateway.db.run(
    "test",
    sql`update usage_generations set opened_at = ${at(1)}::timestamptz where generation = 2`,
  );
  await gateway.db.run("test", sql`select drop_usage_generation(1)`);
  expect((await get("/billing/invoices/in_paid/explain/events?metric=events")).body).toMatchObject({
    code: "USAGE_NOT_KEPT",
    keptSince: at(1).toISOString(),
  });
  expect((await get("/billing/invoices/in_paid/explain")).status).toBe(200);
});
