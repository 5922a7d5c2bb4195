import { sql, usageQuarantine } from "@driftlock/db";
import { describe, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();
const dayMs = 24 * 60 * 60 * 1000;
const now = Math.floor(Date.now() / 1000) * 1000;

const operate = (method: string, path: string, body?: unknown) =>
  gateway.request(method, `/operator${path}`, { bearer: gateway.operatorKey, body });
const send = (events: readonly object[]) =>
  gateway.request("POST", "/billing/usage", { bearer: gateway.serviceKey, body: events });
const query = <Row>(text: TemplateStringsArray, ...values: unknown[]) =>
  gateway.db.rows<Row>("test", sql(text, ...values));
const auditOf = async (target: string) =>
  (
    await query<{ action: string }>`select action from audit_log where target = ${target} order by audit_id`
  ).map(({ action }) => action);

/** An account that pays for Pro, whose last period (30 days up to a day ago) is closed with `used` events billed. */
async function openClosed(used: number): Promise<string> {
  const accountId = await gateway.openAccount();
  const subscriptionId = await gateway.subscribe(accountId, "pro");
  const [start, end, next] = [now - 31 * dayMs, now - dayMs, now + 29 * dayMs].map((ms) => new Date(ms));
  await query`delete from usage_periods where account_id = ${accountId}`;
  await query`insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version, stripe_subscription_id, closed_at)
    values (${accountId}, ${start}::timestamptz, ${end}::timestamptz, 'pro', 1, ${subscriptionId}, now()),
      (${accountId}, ${end}::timestamptz, ${next}::timestamptz, 'pro', 1, ${subscriptionId}, null)`;
  await query`insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
    values (${accountId}, 'events', ${start}::timestamptz, ${used}::bigint, 1, ${start}::timestamptz)`;
  return accountId;
}

let made = 0;
const late = (accountId: string, quantity: number, of: object = {}) => ({
  id: `late-${++made}`,
  metric: "events",
  quantity,
  accountId,
  timestamp: new Date(now - 2 * dayMs).toISOString(),
  ...of,
});

describe("metrics", () => {
  test("are defined once, take events, and change but for how they count", async () => {
    const body = { metric: "seats", name: "Seats", aggregation: "max", unit: "seat", groupByKeys: ["team"] };
    expect(await operate("POST", "/metrics", body)).toMatchObject({
      status: 201,
      body: { ...body, uniqueProperty: null, latePolicy: "carry-as-adjustment" },
    });
    expect(await operate("POST", "/metrics", body)).toMatchObject({
      status: 409,
      body: { code: "METRIC_EXISTS" },
    });
    const unique = { metric: "users", name: "Users", aggregation: "unique", unit: "user" };
    expect((await operate("POST", "/metrics", unique)).body).toMatchObject({ code: "INVALID" });
    expect((await operate("POST", "/metrics", { ...unique, uniqueProperty: "who" })).status).toBe(201);
    expect(await operate("PATCH", "/metrics/seats", { name: "Chairs", groupByKeys: [] })).toMatchObject({
      status: 200,
      body: { name: "Chairs", groupByKeys: [], aggregation: "max" },
    });
    for (const wrong of [{}, { aggregation: "sum" }, { latePolicy: "never" }])
      expect((await operate("PATCH", "/metrics/seats", wrong)).status).toBe(422);
    expect((await operate("PATCH", "/metrics/nothing", { name: "x" })).status).toBe(404);
    expect(await auditOf("seats")).toEqual(["metric.created", "metric.changed"]);
    const { body: first } = await operate("GET", "/metrics?limit=1");
    const { body: rest } = await operate("GET", `/metrics?cursor=${first.nextCursor}`);
    const names = [...first.data, ...rest.data].map(({ metric }) => metric);
    expect(names).toHaveLength(6);
    expect(names).toEqual(expect.arrayContaining(["seats", "users", "events"]));
    // Known, though no plan names it yet.
    const accountId = await gateway.openAccount();
    expect((await send([{ id: "s", metric: "seats", accountId }])).body.results).toMatchObject([
      { outcome: "quota-exceeded", detail: expect.stringMatching(/plan does not include seats/) },
    ]);
  });

  test("another late policy has the limits of accounts that it concerns pushed, and of no others", async () => {
    const [billed, unasked, free] = [
      await openClosed(100),
      await openClosed(100),
      await gateway.openAccount(),
    ];
    expect((await send([late(billed, 1)])).body).toMatchObject({ accepted: 1 });
    const versions = () => query<{
      id: string;
      v: number;
    }>`select account_id as id, limits_version as v from accounts
      where account_id in (${billed}, ${free}) order by account_id = ${free}`;
    const [before, freeBefore] = await versions();
    await operate("PATCH", "/metrics/events", { name: "All events" });
    expect(await versions()).toEqual([before, freeBefore]);
    await operate("PATCH", "/metrics/events", { latePolicy: "reject" });
    expect(await versions()).toEqual([{ ...before, v: before!.v + 1 }, freeBefore]);
    expect((await send([late(unasked, 1)])).body.results).toMatchObject([{ code: "PERIOD_CLOSED" }]);
    await operate("PATCH", "/metrics/events", { latePolicy: "carry-as-adjustment" });
  });
});

describe("what late events would cost", () => {
  const preview = (events: readonly object[]) => operate("POST", "/usage/late-preview", events);

  test("is said for each account, period and metric, with the invoices; nothing is counted", async () => {
    const [one, two, free] = [await openClosed(150_000), await openClosed(10), await gateway.openAccount()];
    const present = { timestamp: new Date().toISOString() };
    const events = [
      late(one, 1_000),
      late(one, 2_010),
      late(one, 500, present),
      late(two, 5),
      late(free, 1, present),
      late(free, 1),
      late("nobody", 1),
      { id: "broken" },
    ];
    const { status, body } = await preview([...events, events[0]!, { ...events[0]!, quantity: 2 }]);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 5,
      heldBack: 0,
      invoicesChanged: 1,
      totals: [{ currency: "usd", amountMinor: 151 }],
      summary: "This changes 1 invoice by +$1.51.",
    });
    expect(
      body.results.map((result: { index: number; outcome: string }) => [result.index, result.outcome]),
    ).toEqual([
      [5, "period-closed"],
      [6, "unknown-account"],
      [7, "invalid"],
      [8, "duplicate"],
      [9, "conflict"],
    ]);
    const lines = body.lines.map((line: Record<string, unknown>) => [
      line["accountId"],
      line["isClosed"],
      line["quantity"],
      line["amountMinor"],
      (line["invoice"] as { kind: string } | null)?.kind ?? null,
    ]);
    expect(lines).toEqual([
      [one, true, 3_010, 151, "next"],
      [one, false, 500, 0, "next"],
      [two, true, 5, 0, "next"],
      [free, false, 1, 0, null],
    ]);
    // As many cents as then happen, and not one event counted.
    expect((await query`select from usage_quarantine`).length).toBe(0);
    const sent = await send(events.slice(0, 5));
    expect(sent.body).toMatchObject({ accepted: 5, duplicates: 0 });
    expect((await preview([])).body).toMatchObject({ lines: [], summary: "This changes 0 invoices." });
  });

  test("holds the spend cap of the period, and says which need an operator", async () => {
    const accountId = await openClosed(149_000);
    await query`update accounts set spend_cap_minor = 2500 where account_id = ${accountId}`;
    expect((await preview([late(accountId, 1_000), late(accountId, 10)])).body).toMatchObject({
      accepted: 1,
      results: [{ index: 1, outcome: "quota-exceeded" }],
      totals: [{ amountMinor: 50 }],
    });
    await operate("PATCH", "/metrics/events", { latePolicy: "operator-review" });
    expect((await preview([late(accountId, 1_000)])).body).toMatchObject({
      heldBack: 1,
      lines: [],
      totals: [],
    });
    await operate("PATCH", "/metrics/events", { latePolicy: "carry-as-adjustment" });
  });

  test("where the subscription has ended, it is an invoice of its own for each", async () => {
    const accountId = await openClosed(100_000);
    await query`update user_subscriptions set status = 'canceled' where account_id = ${accountId}`;
    const { body } = await preview([late(accountId, 2_000)]);
    expect(body).toMatchObject({
      invoicesChanged: 1,
      lines: [{ amountMinor: 100, invoice: { kind: "own" } }],
    });
  });
});

describe("what was set aside", () => {
  const setAside = async (event: ReturnType<typeof late>, reason = "late"): Promise<string> => {
    const { id, metric, quantity, accountId, timestamp } = event;
    const payload = {
      ...{ id, accountId, metric, quantity, occurredAtMs: Date.parse(timestamp), receivedAtMs: now },
      propertiesJson: null,
    };
    const row = {
      accountId,
      eventId: id,
      metric,
      payload,
      reason,
      detail: "test",
      receivedAt: new Date(now),
    };
    await usageQuarantine.insertQuarantined(gateway.db, [row], new Date());
    const [found] = await query<{ id: string }>`select max(quarantine_id)::text as id from usage_quarantine`;
    return found!.id;
  };

  test("is listed by account, reason and state, page by page", async () => {
    const [accountId, other] = [await openClosed(0), await openClosed(0)];
    const ids = [];
    for (let count = 0; count < 3; count++) ids.push(await setAside(late(accountId, 1)));
    await setAside(late(accountId, 1), "no-period");
    await setAside(late(other, 1));
    const list = async (more: string) =>
      (await operate("GET", `/quarantine?accountId=${accountId}&reason=late${more}`)).body;
    const page = await list("&limit=2");
    const next = await list(`&limit=2&cursor=${page.nextCursor}`);
    expect([...page.data, ...next.data].map(({ id }) => id)).toEqual(ids.toReversed());
    expect(next.nextCursor).toBeNull();
    expect((await list("&state=replayed")).data).toEqual([]);
    expect((await operate("GET", "/quarantine?state=lost")).status).toBe(422);
  });

  test("goes in again under its own id, once, though the guard still knows it", async () => {
    const accountId = await openClosed(149_000);
    const event = late(accountId, 2_000);
    expect((await send([event])).body).toMatchObject({ accepted: 1 });
    const id = await setAside(event);
    expect((await operate("POST", "/quarantine/preview", { ids: [id] })).body).toMatchObject({
      accepted: 1,
      invoicesChanged: 1,
      totals: [{ amountMinor: 100 }],
    });
    expect(await operate("POST", `/quarantine/${id}/replay`)).toMatchObject({
      status: 200,
      body: { id, state: "replayed", eventId: event.id, discardedAt: null },
    });
    expect(await operate("POST", `/quarantine/${id}/replay`)).toMatchObject({
      status: 200,
      body: { state: "replayed" },
    });
    expect(await operate("POST", `/quarantine/${id}/discard`)).toMatchObject({
      status: 409,
      body: { code: "QUARANTINE_SETTLED" },
    });
    expect((await operate("POST", "/quarantine/preview", { ids: [id] })).body).toMatchObject({ accepted: 0 });
    expect(await auditOf(id)).toEqual(["quarantine.replayed"]);
    expect((await send([event])).body).toMatchObject({ duplicates: 1 });
  });

  test("is not sent where it is counted already; a conflict says so", async () => {
    const accountId = await openClosed(0);
    const event = late(accountId, 3);
    const stored = (
      quantity: number,
    ) => query`insert into usage_records (account_id, event_id, metric, quantity, occurred_at, received_at, generation)
      values (${accountId}, ${event.id}, 'events', ${quantity}::bigint, now(), now(), 1)`;
    const id = await setAside(event, "conflict");
    await stored(4);
    expect(await operate("POST", `/quarantine/${id}/replay`)).toMatchObject({
      status: 409,
      body: { code: "EVENT_CONFLICT" },
    });
    await query`update usage_records set quantity = 3 where account_id = ${accountId}`;
    expect((await operate("POST", `/quarantine/${id}/replay`)).body).toMatchObject({ state: "replayed" });
    expect((await send([{ ...event, quantity: 1 }])).body).toMatchObject({ accepted: 1 });
  });

  test("can be left out for good; what cannot be sent in says why", async () => {
    const accountId = await openClosed(0);
    const id = await setAside(late(accountId, 3));
    for (let count = 0; count < 2; count++)
      expect((await operate("POST", `/quarantine/${id}/discard`)).body).toMatchObject({ state: "discarded" });
    expect((await operate("POST", `/quarantine/${id}/replay`)).body).toMatchObject({
      code: "QUARANTINE_SETTLED",
    });
    expect(await auditOf(id)).toEqual(["quarantine.discarded"]);
    const gone = await setAside(late("nobody", 1), "no-period");
    expect((await operate("POST", `/quarantine/${gone}/replay`)).body).toMatchObject({
      code: "ACCOUNT_NOT_FOUND",
    });
    const closed = await setAside(late(accountId, 1, { metric: "alerts" }), "no-period");
    expect((await operate("POST", `/quarantine/${closed}/replay`)).body).toMatchObject({
      code: "PERIOD_CLOSED",
    });
    expect((await operate("GET", `/quarantine?state=open&accountId=${accountId}`)).body.data).toMatchObject([
      { id: closed },
    ]);
    await query`update usage_quarantine set payload = '"half"' where quarantine_id = ${closed}::bigint`;
    expect((await operate("POST", `/quarantine/${closed}/replay`)).body).toMatchObject({
      code: "INVALID_EVENT",
    });
    expect((await operate("POST", "/quarantine/999999/replay")).status).toBe(404);
    expect((await operate("POST", "/quarantine/x/discard")).status).toBe(422);
  });
});

describe("what was adjusted", () => {
  test("is listed, and what is in review is billed or waived, once", async () => {
    const accountId = await openClosed(0);
    const insert = (
      id: string,
      state: string,
    ) => query`insert into usage_adjustments (adjustment_id, account_id, metric,
      period_start, period_end, window_no, from_quantity, to_quantity, amount_minor, currency, reason,
      stripe_subscription_id, stripe_customer_id, state, created_at)
      select ${id}, ${accountId}, 'events', now(), now(), count(*) + 1, 0, 1000, 50, 'usd', 'late', 'sub_1', 'cus_1',
        ${state}, now() from usage_adjustments where account_id = ${accountId}`;
    for (const [id, state] of [
      ["a1", "review"],
      ["a2", "review"],
      ["a3", "pending"],
    ] as const)
      await insert(id, state);
    const list = async (more: string) =>
      (await operate("GET", `/usage/adjustments?accountId=${accountId}${more}`)).body.data;
    expect(await list("")).toHaveLength(3);
    expect(await list("&state=pending")).toMatchObject([{ id: "a3", amountMinor: 50, invoiceId: null }]);
    expect(await operate("POST", "/usage/adjustments/a1/bill")).toMatchObject({
      status: 200,
      body: { state: "pending" },
    });
    for (const id of ["a1", "a3"])
      expect(await operate("POST", `/usage/adjustments/${id}/bill`)).toMatchObject({
        status: 409,
        body: { code: "ADJUSTMENT_SETTLED" },
      });
    for (const id of ["a2", "a3"])
      expect((await operate("POST", `/usage/adjustments/${id}/waive`)).body).toMatchObject({
        state: "waived",
      });
    expect((await operate("POST", "/usage/adjustments/a2/waive")).status).toBe(409);
    expect((await operate("POST", "/usage/adjustments/none/waive")).status).toBe(404);
    expect([await auditOf("a1"), await auditOf("a2")]).toEqual([
      ["adjustment.billed"],
      ["adjustment.waived"],
    ]);
  });
});
