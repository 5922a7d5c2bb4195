import { sql } from "@driftlock/db";
import { beforeAll, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();
const { db, stripe } = gateway;
const rows = <Row>(text: TemplateStringsArray, ...values: unknown[]) =>
  db.rows<Row>("test", sql(text, ...values));
const operate = (method: string, path: string, body?: unknown) =>
  gateway.request(method, `/operator/reports${path}`, { bearer: gateway.operatorKey, body });
const minuteMs = 60_000;
const minute = new Date(Math.floor(Date.now() / minuteMs) * minuteMs - 60 * minuteMs);

beforeAll(async () => {
  const [meter] = (await stripe.billing.meters.list()).data;
  await rows`update metrics set stripe_meter_id = ${meter?.id}, stripe_meter_event_name = ${meter?.event_name}
    where metric = 'events'`;
});

/** A report of 5 events in each of these states, in doubt, all of one minute; Stripe has summed up `atStripe`. */
async function openDoubt({ states = ["sent"], atStripe = 0 }: { states?: string[]; atStripe?: number } = {}) {
  const account = await gateway.openAccount();
  const customer = await stripe.customers.create({});
  await rows`update accounts set stripe_customer_id = ${customer.id} where account_id = ${account}`;
  for (const [index, state] of states.entries())
    await rows`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity,
        to_quantity, stripe_customer_id, meter_event_name, event_at, state, created_at, first_sent_at, sent_at,
        released_at, compare_tries, doubted_at)
      values (${`${account}.${index}`}, ${account}, 'events', ${minute}, ${index + 1}, ${index * 5}, ${index * 5 + 5},
        ${customer.id}, 'driftlock_events', ${minute}, ${state}, now(), now() - interval '1 day',
        case when ${state} = 'sent' then now() end, case when ${state} = 'failed' then now() end, 4, now())`;
  if (atStripe > 0)
    await stripe.billing.meterEvents.create({
      event_name: "driftlock_events",
      identifier: `test.${account}`,
      timestamp: minute.getTime() / 1000,
      payload: { stripe_customer_id: customer.id, value: String(atStripe) },
    });
  return { account, customerId: customer.id, first: `${account}.0`, second: `${account}.1` };
}
const reportsOf = (account: string) =>
  rows<{ state: string; decision: string | null; isReleased: boolean }>`select state, decision,
    released_at is not null as "isReleased" from usage_reports where account_id = ${account} order by window_no`;
const auditOf = (target: string) =>
  rows<{ action: string }>`select action from audit_log where target = ${target} order by audit_id`;

test("reports in doubt are listed by lane, with our figure and Stripe’s, and what is known of each", async () => {
  const { account, customerId, first, second } = await openDoubt({ states: ["sent", "sent"], atStripe: 5 });
  const { body, status } = await operate("GET", `?accountId=${account}&state=not-found`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    data: [
      {
        stripeCustomerId: customerId,
        meterEventName: "driftlock_events",
        state: "not-found",
        figures: {
          from: minute.toISOString(),
          until: new Date(minute.getTime() + minuteMs).toISOString(),
          reported: 10,
          atStripe: 5,
        },
        windowCount: 2,
        windows: [
          {
            identifier: first,
            accountId: account,
            metric: "events",
            fromQuantity: 0,
            toQuantity: 5,
            comparisons: 4,
          },
          { identifier: second, fromQuantity: 5, toQuantity: 10, eventAt: minute.toISOString() },
        ],
      },
    ],
    nextCursor: null,
  });
  expect((await operate("GET", `?accountId=${account}&state=unanswered`)).body.data).toEqual([]);
  expect((await operate("GET", "?state=lost")).status).toBe(422);
});

test("a list goes on lane by lane, and a report without a doubt is in none", async () => {
  const { account } = await openDoubt({ states: ["sending", "sent", "failed"] });
  await rows`update usage_reports set doubted_at = doubted_at - window_no * interval '1 hour' where account_id = ${account}`;
  const seen: [string, number][] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const more = cursor === "" ? "" : `&cursor=${cursor}`;
    const { body } = await operate("GET", `?accountId=${account}&limit=1${more}`);
    seen.push(...body.data.map(({ state, windowCount }: never) => [state, windowCount]));
    cursor = body.nextCursor;
  }
  expect(seen).toEqual([
    ["not-resent", 1],
    ["not-found", 1],
    ["unanswered", 1],
  ]);
  await rows`update usage_reports set doubted_at = null where account_id = ${account}`;
  expect((await operate("GET", `?accountId=${account}`)).body.data).toEqual([]);
});

test("Stripe has it: previewed without a trace, done once, and never taken back", async () => {
  for (const state of ["sending", "sent", "failed"]) {
    const { account, first } = await openDoubt({ states: [state], atStripe: 5 });
    const before = await reportsOf(account);
    const preview = await operate("POST", `/${first}/at-stripe`, { preview: true });
    expect(preview).toMatchObject({
      status: 200,
      body: { outcome: "confirmed", isPreview: true, figures: { reported: 5, atStripe: 5 } },
    });
    expect([await reportsOf(account), await auditOf(first)]).toEqual([before, []]);

    const pressed = await Promise.all([1, 2, 3].map(() => operate("POST", `/${first}/at-stripe`, {})));
    for (const { body } of pressed) expect(body).toEqual({ ...preview.body, isPreview: false });
    expect(await reportsOf(account)).toEqual([
      { state: "confirmed", decision: "at-stripe", isReleased: false },
    ]);
    expect(await auditOf(first)).toEqual([{ action: "report.confirmed" }]);
    expect(await operate("POST", `/${first}/missing`, {})).toMatchObject({
      status: 409,
      body: { code: "REPORT_SETTLED" },
    });
  }
});

test("Stripe does not have it: released to be sent again, and what becomes of it is said before", async () => {
  for (const [atStripe, outcome] of [
    [5, "send-again"],
    [10, "arrived"],
    [3, "send-again"],
    [12, "unexplained"],
  ] as const) {
    const { account, second } = await openDoubt({ states: ["sent", "sent"], atStripe });
    const preview = await operate("POST", `/${second}/missing`, { preview: true });
    expect(preview.body).toMatchObject({ outcome, figures: { reported: 5, atStripe } });
    expect(await auditOf(second)).toEqual([]);
    const pressed = await Promise.all([1, 2, 3].map(() => operate("POST", `/${second}/missing`, {})));
    for (const { body } of pressed) expect(body).toEqual({ ...preview.body, isPreview: false });
    expect(await reportsOf(account)).toEqual([
      { state: "sent", decision: null, isReleased: false },
      { state: "failed", decision: "missing", isReleased: true },
    ]);
    expect(await auditOf(second)).toEqual([{ action: "report.released" }]);
    expect((await operate("POST", `/${second}/at-stripe`, {})).status).toBe(409);
  }
});

test("one of both decisions at once is done, the other is told so", async () => {
  const { account, first } = await openDoubt();
  const answers = await Promise.all(
    ["at-stripe", "missing"].map((decision) => operate("POST", `/${first}/${decision}`, {})),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
  const won = answers[0]?.status === 200 ? "at-stripe" : "missing";
  expect(await reportsOf(account)).toMatchObject([{ decision: won }]);
  expect(await auditOf(first)).toHaveLength(1);
});

test("what is not in doubt, or not known, is not decided", async () => {
  const { account, first } = await openDoubt({ states: ["sending"] });
  await rows`update usage_reports set doubted_at = null where account_id = ${account}`;
  for (const preview of [true, false])
    expect(await operate("POST", `/${first}/missing`, { preview })).toMatchObject({
      status: 409,
      body: { code: "REPORT_SETTLED" },
    });
  expect(await reportsOf(account)).toMatchObject([{ state: "sending", decision: null }]);
  expect((await operate("POST", "/nobody.1/at-stripe", {})).status).toBe(404);
});

test("where Stripe has no figure, that is said, and decisions are taken all the same", async () => {
  const { account, first } = await openDoubt();
  await rows`update usage_reports set stripe_customer_id = 'cus_gone' where account_id = ${account}`;
  await rows`update metrics set stripe_meter_id = 'mtr_gone' where metric = 'events'`;
  const { body } = await operate("GET", `?accountId=${account}`);
  expect(body.data).toMatchObject([{ figures: { reported: 5, atStripe: null } }]);
  expect((await operate("POST", `/${first}/missing`, { preview: true })).body).toMatchObject({
    outcome: "unknown",
  });
  expect((await operate("POST", `/${first}/at-stripe`, {})).body).toMatchObject({ outcome: "confirmed" });
});
