import { usageReportDoubts, usageReports } from "@driftlock/db";
import { expect, test } from "vitest";
import { compareStaleReports } from "../src/reports/compare-stale-reports.ts";
import { confirmReports } from "../src/reports/confirm-reports.ts";
import { resendReleased } from "../src/reports/resend-released.ts";
import type { UsageSink } from "../src/reports/usage-sink.ts";
import { openReportWorld } from "./report-world.ts";
import { now } from "./world.ts";

const reporting = await openReportWorld();
const { db, resources, query, sink, eventName } = reporting;
const { subscribe, use, freeze, send, inTime, letLeasesEnd, atStripe } = reporting;

const compare = (through: UsageSink = sink) => compareStaleReports({ ...resources, sink: through });
const confirm = (minutes: number, through: UsageSink = sink) =>
  confirmReports({ ...resources, sink: through, clock: inTime(minutes) });
const resend = (minutes = 0, through: UsageSink = sink) =>
  resendReleased({ ...resources, sink: through, clock: inTime(minutes) });
const decide = (identifier: string, decision: "at-stripe" | "missing") =>
  usageReportDoubts.updateDecided(db, { identifier, decision, now });

interface Row {
  identifier: string;
  state: string;
  decision: string | null;
  isDoubted: boolean;
}
const rowsOf = (accountId: string) =>
  query<Row>`select identifier, state, decision, doubted_at is not null as "isDoubted" from usage_reports
    where account_id = ${accountId} order by window_no, resend_no`;
const statesOf = async (accountId: string) => (await rowsOf(accountId)).map(({ state }) => state);

/** What somebody else tells Stripe of a customer. */
const tellStrange = (customerId: string, value: number) =>
  sink.report({
    ...{ meterEventName: eventName, stripeCustomerId: customerId, eventAt: now, value },
    identifier: `not-ours-${customerId}-${value}`,
  });

/** Before Stripe answers the first question for its figure, something else happens. */
const meanwhile = (happens: () => Promise<unknown>): UsageSink => {
  let isFirst = true;
  return {
    ...sink,
    total: async (span) => {
      if (isFirst) await happens();
      isFirst = false;
      return sink.total(span);
    },
  };
};

/** Two reports of 5 that Stripe took, of which it has lost the second: either explains what is missing. */
async function loseOneOfTwo() {
  const { accountId, customerId } = await subscribe();
  const takesAndLoses: UsageSink = { ...sink, report: async () => "sent" };
  for (const through of [sink, takesAndLoses]) {
    await use(accountId, 5);
    await freeze();
    await send(through);
  }
  for (const minutes of [11, 25, 50, 100]) await confirm(minutes);
  return { accountId, customerId, rows: await rowsOf(accountId) };
}

/** A report of 7 that was first sent a day ago without an answer, while somebody else told Stripe 3. */
async function leaveUnanswered({ hasArrived = false } = {}) {
  const { accountId, customerId } = await subscribe();
  await use(accountId, 7);
  await freeze();
  const longAgo = { now: new Date(now.getTime() - 24 * 3_600_000), leaseMs: 0, limit: 10 };
  const [claimed] = await usageReports.claimReports(db, longAgo);
  if (hasArrived && claimed !== undefined) await sink.report({ ...claimed, value: 7 });
  await tellStrange(customerId, 3);
  await compare();
  await letLeasesEnd();
  return { accountId, customerId, identifier: claimed?.identifier ?? "" };
}

test("two reports that explain a difference alike are in doubt; what a person says is missing is sent, once", async () => {
  const { accountId, customerId, rows } = await loseOneOfTwo();
  expect(rows).toMatchObject([
    { state: "sent", isDoubted: true },
    { state: "sent", isDoubted: true },
  ]);
  expect(await usageReports.countReports(db, now)).toMatchObject({ doubted: 2 });
  const [arrived, lost] = rows.map(({ identifier }) => identifier) as [string, string];
  expect(await Promise.all([decide(lost, "missing"), decide(lost, "missing")])).toContain(0);
  expect(await decide(lost, "at-stripe")).toBe(0);
  expect(await decide(arrived, "at-stripe")).toBe(1);
  await Promise.all([resend(), resend()]);
  await Promise.all([send(), send()]);
  expect(await atStripe(customerId)).toBe(10);
  await confirm(24 * 60);
  expect(await rowsOf(accountId)).toMatchObject([
    { state: "confirmed", decision: "at-stripe" },
    { identifier: lost, state: "replaced", decision: "missing" },
    { state: "confirmed", decision: null, isDoubted: false },
  ]);
});

test("once one is decided, the other alone explains the rest: the aggregator finds that it got lost", async () => {
  const { accountId, rows } = await loseOneOfTwo();
  await decide(rows[0]?.identifier ?? "", "at-stripe");
  await confirm(24 * 60);
  expect(await rowsOf(accountId)).toMatchObject([
    { state: "confirmed" },
    { state: "failed", decision: null, isDoubted: false },
  ]);
});

test("a person who errs bills nothing twice: Stripe’s figure shows that it has the report", async () => {
  const { accountId, customerId, rows } = await loseOneOfTwo();
  for (const { identifier } of rows) await decide(identifier, "missing");
  for (const minutes of [0, 11, 22]) await resend(minutes);
  await send();
  // One of them is there, so one is told again: which of two that are alike makes no difference.
  expect((await statesOf(accountId)).sort()).toEqual(["replaced", "sent", "sent"]);
  expect(await atStripe(customerId)).toBe(10);
});

test("a report without an answer is in doubt where Stripe’s figure fits neither way; there, it is confirmed", async () => {
  const { accountId, customerId, identifier } = await leaveUnanswered({ hasArrived: true });
  expect(await rowsOf(accountId)).toMatchObject([{ state: "sending", isDoubted: true }]);
  expect(await decide(identifier, "at-stripe")).toBe(1);
  await compare();
  await letLeasesEnd();
  await send();
  expect(await rowsOf(accountId)).toMatchObject([{ state: "confirmed", isDoubted: false }]);
  expect(await atStripe(customerId)).toBe(10);
});

test("missing by a person’s word, it is not sent while Stripe has too much, and sent once that is taken back", async () => {
  const { accountId, customerId, identifier } = await leaveUnanswered();
  await decide(identifier, "missing");
  await resend();
  expect(await rowsOf(accountId)).toMatchObject([{ state: "failed", decision: null, isDoubted: true }]);
  expect(await decide(identifier, "missing")).toBe(1);
  await tellStrange(customerId, -3);
  await resend();
  await send();
  expect(await statesOf(accountId)).toEqual(["replaced", "sent"]);
  expect(await atStripe(customerId)).toBe(7);
});

test("missing by a person’s word, it is sent although Stripe lacks others of its minute too", async () => {
  const { accountId, customerId, rows } = await loseOneOfTwo();
  await tellStrange(customerId, -2);
  await decide(rows[1]?.identifier ?? "", "missing");
  await resend();
  await send();
  expect(await statesOf(accountId)).toEqual(["sent", "replaced", "sent"]);
  expect(await atStripe(customerId)).toBe(8);
});

test("a difference that ends by itself takes the doubt back", async () => {
  const { accountId, customerId, identifier } = await leaveUnanswered();
  await tellStrange(customerId, -3);
  await compare();
  expect(await rowsOf(accountId)).toMatchObject([{ state: "pending", isDoubted: false }]);
  expect(await decide(identifier, "missing")).toBe(0);
  await send();
  expect(await statesOf(accountId)).toEqual(["sent"]);
  expect(await atStripe(customerId)).toBe(7);
});

test("decided while the aggregator asks Stripe about an unanswered report: the decision stays", async () => {
  for (const decision of ["missing", "at-stripe"] as const) {
    const { accountId, customerId, identifier } = await leaveUnanswered();
    // By the figures it is missing, and would be sent as if for the first time.
    await tellStrange(customerId, -3);
    await compare(meanwhile(() => decide(identifier, decision)));
    const state = decision === "missing" ? "failed" : "confirmed";
    expect(await rowsOf(accountId)).toMatchObject([{ state, decision }]);
    await resend();
    await send();
    expect(await atStripe(customerId)).toBe(decision === "missing" ? 7 : 0);
  }
  // The same where the figures do not say.
  const { accountId, identifier } = await leaveUnanswered();
  await compare(meanwhile(() => decide(identifier, "missing")));
  expect(await rowsOf(accountId)).toMatchObject([{ state: "failed", decision: "missing", isDoubted: false }]);
});

test("decided while the aggregator looks for what was sent: the decision stays", async () => {
  const { accountId, customerId, rows } = await loseOneOfTwo();
  const [arrived, lost] = rows.map(({ identifier }) => identifier) as [string, string];
  await confirm(
    24 * 60,
    meanwhile(() => Promise.all([decide(arrived, "at-stripe"), decide(lost, "missing")])),
  );
  expect(await rowsOf(accountId)).toMatchObject([
    { state: "confirmed", decision: "at-stripe", isDoubted: false },
    { state: "failed", decision: "missing", isDoubted: false },
  ]);

  await resend();
  await send();
  expect(await atStripe(customerId)).toBe(10);
});

test("decided while the aggregator finds that all of them got lost: the decision stays, the other one has failed", async () => {
  const { accountId, customerId, rows } = await loseOneOfTwo();
  await tellStrange(customerId, -5);
  await confirm(
    24 * 60,
    meanwhile(() => decide(rows[0]?.identifier ?? "", "at-stripe")),
  );
  expect(await rowsOf(accountId)).toMatchObject([
    { state: "confirmed", decision: "at-stripe" },
    { state: "failed", decision: null, isDoubted: false },
  ]);
  expect(
    await query`select event_id as identifier from usage_quarantine where account_id = ${accountId}`,
  ).toEqual([{ identifier: rows[1]?.identifier }]);
});

test("decided while the aggregator is about to send a released report anew: one of the two happens", async () => {
  const { accountId, customerId, identifier } = await leaveUnanswered();
  await decide(identifier, "missing");
  await resend();
  await tellStrange(customerId, -3);
  await resend(
    11,
    meanwhile(() => decide(identifier, "at-stripe")),
  );
  await send();
  expect(await rowsOf(accountId)).toMatchObject([{ state: "confirmed", decision: "at-stripe" }]);
  expect(await atStripe(customerId)).toBe(0);
});

test("a decision and a comparison at the same moment, again and again: one of them wins, and 7 are billed", async () => {
  for (let round = 0; round < 10; round++) {
    const { accountId, customerId, identifier } = await leaveUnanswered();
    await tellStrange(customerId, -3);
    const [decided] = await Promise.all([decide(identifier, "missing"), compare()]);
    await letLeasesEnd();
    for (const minutes of [0, 11]) await resend(minutes);
    await send();
    expect(await statesOf(accountId)).toEqual(decided === 1 ? ["replaced", "sent"] : ["sent"]);
    expect(await atStripe(customerId)).toBe(7);
  }
});
