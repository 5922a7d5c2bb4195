import { usageReportFailures, usageReports } from "@driftlock/db";
import { createStripe } from "@driftlock/stripe";
import { expect, test } from "vitest";
import { compareStaleReports } from "../src/reports/compare-stale-reports.ts";
import { confirmReports } from "../src/reports/confirm-reports.ts";
import { resendReleased } from "../src/reports/resend-released.ts";
import { createStripeMeterSink, type UsageSink } from "../src/reports/usage-sink.ts";
import { openReportWorld } from "./report-world.ts";
import { newAccountId, now } from "./world.ts";

const reporting = await openReportWorld();
const { world, db, resources, query, sink, stripe, meterId } = reporting;
const { subscribe, use, freeze, send, inTime, letLeasesEnd, atStripe, states } = reporting;

test("the running total is reported window by window, and nothing where nothing moved", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 70);
  expect(await freeze()).toBe(1);
  expect(await freeze()).toBe(0);
  await send();
  await use(accountId, 80);
  await freeze();
  await send();
  expect(await states(accountId)).toEqual([
    { from_quantity: 0, to_quantity: 70, state: "sent" },
    { from_quantity: 70, to_quantity: 150, state: "sent" },
  ]);
  expect(await atStripe(customerId)).toBe(150);
  const [{ periodStart }] = (await query<{ periodStart: Date }>`
    select period_start as "periodStart" from usage_reports where account_id = ${accountId}`) as [
    { periodStart: Date },
  ];
  expect(await usageReports.listPeriodReports(db, { accountId, periodStart })).toEqual([
    { metric: "events", sentQuantity: 150, openCount: 0, failedCount: 0 },
  ]);
});

test("the process dies between Stripe's answer and our update: reported once", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 70);
  await freeze();
  const [claimed] = await usageReports.claimReports(db, { now, leaseMs: 60_000, limit: 10 });
  await sink.report({ ...claimed!, value: 70 });
  expect(await send()).toBe(0);
  await letLeasesEnd();
  expect(await send()).toBe(1);
  expect(await states(accountId)).toMatchObject([{ state: "sent" }]);
  expect(await atStripe(customerId)).toBe(70);
});

test("two that freeze and send at once report once", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 70);
  await Promise.all([freeze(), freeze(), freeze()]);
  await Promise.all([send(), send(), send()]);
  expect(await states(accountId)).toMatchObject([{ state: "sent" }]);
  expect(await atStripe(customerId)).toBe(70);
});

test("what Stripe cannot take now is tried again, what it refuses is kept for an operator", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 70);
  await freeze();
  const away = createStripeMeterSink(
    createStripe({ secretKey: "sk_test_reports", apiUrl: "http://127.0.0.1:1", maxNetworkRetries: 0 }),
  );
  await send(away);
  expect(await states(accountId)).toMatchObject([{ state: "pending" }]);
  expect(await send()).toBe(0);
  await letLeasesEnd();
  await send();
  expect(await atStripe(customerId)).toBe(70);

  const other = await subscribe();
  await use(other.accountId, 5);
  await query`update accounts set stripe_customer_id = 'cus_nobody' where account_id = ${other.accountId}`;
  await query`update metrics set stripe_meter_event_name = 'no_such_meter' where metric = 'events'`;
  await freeze();
  await query`update metrics set stripe_meter_event_name = 'driftlock_events' where metric = 'events'`;
  await send();
  expect(await states(other.accountId)).toMatchObject([{ state: "failed" }]);
  expect(await usageReports.countReports(db, now)).toMatchObject({ open: 0, stale: 0, failed: 1 });
});

test("23 hours after its first try a report is not sent again blindly, but compared with what Stripe has", async () => {
  const compare = () => compareStaleReports({ ...resources, sink });
  const [arrived, lost] = [await subscribe(), await subscribe()];
  for (const { accountId } of [arrived, lost]) await use(accountId, 30);
  await freeze();
  await send();
  for (const { accountId } of [arrived, lost]) await use(accountId, 40);
  await freeze();
  const longAgo = { now: new Date(now.getTime() - 24 * 3_600_000), leaseMs: 0, limit: 10 };
  for (const claimed of await usageReports.claimReports(db, longAgo))
    if (claimed.accountId === arrived.accountId) await sink.report({ ...claimed, value: 40 });
  expect(await send()).toBe(0);
  expect(await usageReports.countReports(db, now)).toMatchObject({ open: 2, stale: 2 });
  await compare();
  expect((await states(arrived.accountId)).map(({ state }) => state)).toEqual(["sent", "sent"]);
  expect((await states(lost.accountId)).map(({ state }) => state)).toEqual(["sent", "pending"]);
  await send();
  await compare();
  expect((await states(lost.accountId)).map(({ state }) => state)).toEqual(["sent", "sent"]);
  expect([await atStripe(arrived.customerId), await atStripe(lost.customerId)]).toEqual([70, 70]);
});

test("what was sent is confirmed once Stripe's summaries hold it, and a person is told where they do not", async () => {
  const [found, lost] = [await subscribe(), await subscribe()];
  for (const { accountId } of [found, lost]) await use(accountId, 25);
  await freeze();
  const takesAndLoses: UsageSink = {
    ...sink,
    report: async (report) => (report.stripeCustomerId === lost.customerId ? "sent" : sink.report(report)),
  };
  await send(takesAndLoses);
  const confirm = (minutes: number) => confirmReports({ ...resources, sink, clock: inTime(minutes) });
  await confirm(9);
  expect(await states(found.accountId)).toMatchObject([{ state: "sent" }]);
  await confirm(11);
  expect(await states(found.accountId)).toMatchObject([{ state: "confirmed" }]);
  for (const minutes of [25, 50, 100]) await confirm(minutes);
  // Only this one explains what is missing: it has failed, and a person decides.
  const [{ identifier }] = (await query<{
    identifier: string;
  }>`select event_id as identifier from usage_quarantine
    where account_id = ${lost.accountId} and reason = 'stripe:lost'`) as [{ identifier: string }];
  expect(await states(lost.accountId)).toMatchObject([{ state: "failed" }]);
  await usageReportFailures.updateReleased(db, identifier, now);
  await resendReleased({ ...resources, sink });
  await send();
  await confirm(24 * 60);
  expect((await states(lost.accountId)).map(({ state }) => state).sort()).toEqual(["confirmed", "replaced"]);
  expect(await atStripe(lost.customerId)).toBe(25);
});

test("a difference that no single report explains is looked for again and again, and told to a person", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 25);
  await freeze();
  await send();
  const strange = { meterEventName: "driftlock_events", stripeCustomerId: customerId, eventAt: now };
  await sink.report({ ...strange, identifier: `not-ours-${accountId}`, value: 3 });
  for (const minutes of [11, 25, 50, 100])
    await confirmReports({ ...resources, sink, clock: inTime(minutes) });
  expect(await states(accountId)).toMatchObject([{ state: "sent" }]);
  expect(await usageReports.countReports(db, now)).toMatchObject({ mismatched: 1 });
  await sink.report({ ...strange, identifier: `not-ours-${accountId}-back`, value: -3 });
  await confirmReports({ ...resources, sink, clock: inTime(24 * 60) });
  expect(await states(accountId)).toMatchObject([{ state: "confirmed" }]);
});

test("a refused report is told again under a new identifier, once its cause is gone and the summaries lack it", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 5);
  await freeze();
  const refused = stripe.billing.meters.deactivate(meterId).then(() => send());
  await refused;
  await stripe.billing.meters.reactivate(meterId);
  expect(await states(accountId)).toMatchObject([{ state: "failed" }]);
  expect(await query`select reason from usage_quarantine where account_id = ${accountId}`).toEqual([
    { reason: "stripe:archived_meter" },
  ]);
  const resend = () => resendReleased({ ...resources, sink });
  await resend();
  expect(await states(accountId)).toMatchObject([{ state: "failed" }]);
  // A later one goes through and is found: the meter takes this customer's again.
  await use(accountId, 7);
  await freeze();
  await send();
  await query`update usage_reports set sent_at = sent_at + interval '1 second' where account_id = ${accountId}`;
  await confirmReports({ ...resources, sink, clock: inTime(11) });
  await Promise.all([resend(), resend()]);
  await send();
  await resend();
  expect(
    await query`select state, resend_no from usage_reports where account_id = ${accountId} order by window_no, resend_no`,
  ).toEqual([
    { state: "replaced", resend_no: 0 },
    { state: "sent", resend_no: 1 },
    { state: "confirmed", resend_no: 0 },
  ]);
  expect(await atStripe(customerId)).toBe(12);
});

test("a report that is released although it had arrived is not told again", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 5);
  await freeze();
  await send();
  const [{ identifier }] = (await query<{
    identifier: string;
  }>`select identifier from usage_reports where account_id = ${accountId}`) as [{ identifier: string }];
  await usageReportFailures.updateNamedFailed(db, [{ identifier, error: "lost: it is said" }]);
  expect(await usageReportFailures.updateReleased(db, identifier, now)).toBe(1);
  await resendReleased({ ...resources, sink });
  expect(await states(accountId)).toMatchObject([{ state: "sent" }]);
  await send();
  expect(await atStripe(customerId)).toBe(5);
});

test("a total that moves on while its last window is still to be sent leaves no second one", async () => {
  const { accountId, customerId } = await subscribe();
  for (const quantity of [5, 6, 7]) {
    await use(accountId, quantity);
    await freeze();
  }
  expect(await states(accountId)).toMatchObject([{ to_quantity: 5, state: "pending" }]);
  await send();
  await freeze();
  await send();
  expect(await states(accountId)).toMatchObject([{ to_quantity: 5 }, { from_quantity: 5, to_quantity: 18 }]);
  expect(await atStripe(customerId)).toBe(18);
});

test("a total that shrank is taken back, under an identifier of its own", async () => {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 100);
  await freeze();
  await send();
  await query`update usage_totals set quantity = 60 where account_id = ${accountId}`;
  await freeze();
  await send();
  await use(accountId, 40);
  await freeze();
  await send();
  expect(await states(accountId)).toEqual([
    { from_quantity: 0, to_quantity: 100, state: "sent" },
    { from_quantity: 100, to_quantity: 60, state: "sent" },
    { from_quantity: 60, to_quantity: 100, state: "sent" },
  ]);
  expect(await atStripe(customerId)).toBe(100);
});

test("Free, unlimited metrics and closed periods are not reported", async () => {
  const free = newAccountId();
  await world.openAccount(free);
  await use(free, 5);
  const { accountId } = await subscribe();
  await use(accountId, 5);
  await query`update usage_periods set closed_at = ${now} where account_id = ${accountId}`;
  expect(await freeze()).toBe(0);
});

/** A report of a new customer that was first sent a day ago, and never arrived. */
async function loseReport() {
  const subscribed = await subscribe();
  await use(subscribed.accountId, 7);
  await freeze();
  await usageReports.claimReports(db, {
    now: new Date(now.getTime() - 24 * 3_600_000),
    leaseMs: 0,
    limit: 1_000,
  });
  return subscribed;
}

test("a customer whose usage Stripe cannot sum up keeps no other from being compared", async () => {
  const lost = [await loseReport(), await loseReport()];
  let asked = 0;
  const total: UsageSink["total"] = (of) => {
    asked += 1;
    return asked === 1 ? Promise.reject(new Error("No such customer")) : sink.total(of);
  };
  await compareStaleReports({ ...resources, sink: { ...sink, total } });
  expect(asked).toBe(2);
  const [one, other] = await Promise.all(lost.map(({ accountId }) => states(accountId)));
  expect([one, other].map((rows) => rows?.[0]?.state)).toContain("pending");
  await compareStaleReports({ ...resources, sink });
});

test("more totals than one look takes are all frozen", async () => {
  await query`insert into accounts (account_id, stripe_customer_id, free_anchor_at, created_at)
    select 'many_' || n, 'cus_many_' || n, ${now}, ${now} from generate_series(1, 501) n`;
  await query`insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version, stripe_subscription_id)
    select account_id, ${now}, ${now}::timestamptz + interval '1 month', 'pro', 1, 'sub_' || account_id
    from accounts where account_id like 'many%'`;
  await query`insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
    select account_id, 'events', ${now}, 5, 5, ${now} from accounts where account_id like 'many%'`;
  expect(await freeze()).toBe(501);
});
