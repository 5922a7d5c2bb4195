import { type ChangeRefusal, planChanges, sql } from "@driftlock/db";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, openGateway } from "../helpers.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await openGateway();
}, 60_000);
afterAll(() => gateway.close());

/** Ends the account's open change as the worker does; what it makes of changes is tested there, and end to end. */
async function endChange(accountId: string, refusal: ChangeRefusal | null = null): Promise<void> {
  await expect.poll(() => planChanges.findOpenChange(gateway.db, accountId)).not.toBeNull();
  const open = await planChanges.findOpenChange(gateway.db, accountId);
  if (open !== null) await planChanges.updateChangeFinished(gateway.db, open, { refusal, now: new Date() });
}

const call = (method: string, accountId: string, body?: object, path = "") =>
  gateway.request(method, `/billing/subscription${path}?accountId=${accountId}`, {
    bearer: gateway.serviceKey,
    body,
  });
const get = async (accountId: string) => (await call("GET", accountId)).body;

async function subscribed(planId: string) {
  const accountId = await gateway.openAccount();
  return { accountId, subscriptionId: await gateway.subscribe(accountId, planId) };
}

test("an account that never paid is active on Free, with a month of its own", async () => {
  const accountId = await gateway.openAccount();
  const view = await get(accountId);
  expect(view).toEqual({
    accountId,
    planId: "free",
    planVersion: 1,
    status: "active",
    period: { start: expect.any(String), end: expect.any(String) },
    cancelAtPeriodEnd: false,
    pendingPlanId: null,
    paymentState: "ok",
    access: "full",
    dueInvoice: null,
    expiringCard: null,
  });
  const days = (Date.parse(view.period.end) - Date.parse(view.period.start)) / 86_400_000;
  expect(days).toBeGreaterThanOrEqual(28);
});

test("who pays has Stripe's period", async () => {
  const { accountId, subscriptionId } = await subscribed("pro");
  const item = (await gateway.stripe.subscriptions.retrieve(subscriptionId)).items.data[0];
  expect(await get(accountId)).toMatchObject({
    planId: "pro",
    status: "active",
    period: {
      start: new Date((item?.current_period_start ?? 0) * 1000).toISOString(),
      end: new Date((item?.current_period_end ?? 0) * 1000).toISOString(),
    },
  });
});

const changesOf = (accountId: string) =>
  gateway.db.rows<{ wish: string; plan: string | null; told: boolean }>(
    "test.changes",
    sql`select wish, wanted_plan_id as plan, told_at is not null as told from plan_changes
    where account_id = ${accountId}::text order by requested_at`,
  );

describe("a preview", () => {
  test("of an upgrade is what would be charged at once, and changes nothing", async () => {
    const { accountId, subscriptionId } = await subscribed("pro");
    const preview = await call("PATCH", accountId, { planId: "business", preview: true });
    expect(preview).toMatchObject({
      status: 200,
      body: {
        amountDueMinor: 7_000,
        currency: "usd",
        lines: expect.any(Array),
        effectiveAt: expect.any(String),
      },
    });
    expect(
      preview.body.lines.map(({ amountMinor }: { amountMinor: number }) => amountMinor).sort(),
    ).toContain(-2_900);
    expect((await gateway.stripe.subscriptions.retrieve(subscriptionId)).items.data).toHaveLength(2);
    expect(await get(accountId)).toMatchObject({ planId: "pro" });
    expect(await changesOf(accountId)).toEqual([]);
  });

  test("of anything else is the next renewal, and what cannot be is refused as the change is", async () => {
    const { accountId } = await subscribed("business");
    const { period } = await get(accountId);
    expect(await call("PATCH", accountId, { planId: "pro", preview: true })).toMatchObject({
      status: 200,
      body: { amountDueMinor: 2_900, effectiveAt: period.end },
    });
    expect(await call("PATCH", accountId, { planId: "free", preview: true })).toMatchObject({
      status: 200,
      body: { effectiveAt: period.end },
    });
    expect(await call("PATCH", accountId, { planId: "business", preview: true })).toMatchObject({
      status: 409,
      body: { code: "SAME_PLAN" },
    });
  });
});

describe("a change", () => {
  test("is written down for the worker, and answered from what is mirrored once it was made", async () => {
    const { accountId } = await subscribed("pro");
    const [changed] = await Promise.all([
      call("PATCH", accountId, { planId: "business" }),
      endChange(accountId),
    ]);
    expect(changed).toMatchObject({ status: 200, body: { accountId, planId: "pro" } });
    for (const ask of [
      () => call("DELETE", accountId),
      () => call("POST", accountId, undefined, "/resume"),
      () =>
        gateway.request("DELETE", `/billing/subscription?accountId=${accountId}&when=now`, {
          bearer: gateway.serviceKey,
        }),
    ])
      expect((await Promise.all([ask(), endChange(accountId)]))[0].status).toBe(200);
    expect(await changesOf(accountId)).toEqual([
      { wish: "change", plan: "business", told: true },
      { wish: "cancel", plan: null, told: true },
      { wish: "resume", plan: null, told: true },
      { wish: "cancel-now", plan: null, told: true },
    ]);
  });

  test("that is refused says why: a payment that was declined is 402", async () => {
    const { accountId } = await subscribed("pro");
    const refusal = {
      code: "PAYMENT_FAILED",
      detail: "Your card was declined.",
      declineCode: "insufficient_funds",
    } as const;
    const [refused] = await Promise.all([
      call("PATCH", accountId, { planId: "business" }),
      endChange(accountId, refusal),
    ]);
    expect(refused).toMatchObject({
      status: 402,
      body: { code: "PAYMENT_FAILED", declineCode: "insufficient_funds" },
    });
  });

  test("asked for three times at once is one; another meanwhile is 409", async () => {
    const { accountId } = await subscribed("pro");
    const upgrades = [1, 2, 3].map(() => call("PATCH", accountId, { planId: "business" }));
    await expect.poll(() => changesOf(accountId)).toHaveLength(1);
    expect(await call("DELETE", accountId)).toMatchObject({
      status: 409,
      body: { code: "CHANGE_IN_PROGRESS" },
    });
    await endChange(accountId);
    expect((await Promise.all(upgrades)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await changesOf(accountId)).toHaveLength(1);
  });

  test("that takes too long is 503, and who asks again is told how it ended, once", async () => {
    const { accountId } = await subscribed("pro");
    const late = await call("PATCH", accountId, { planId: "business" });
    expect(late).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect(late.headers.get("retry-after")).not.toBeNull();
    await endChange(accountId, { code: "CARD_EXPIRED", detail: "Your card has expired." });
    expect(await call("PATCH", accountId, { planId: "business" })).toMatchObject({
      status: 402,
      body: { code: "CARD_EXPIRED" },
    });
    expect(await changesOf(accountId)).toHaveLength(1);
    const [again] = await Promise.all([
      call("PATCH", accountId, { planId: "business" }),
      endChange(accountId),
    ]);
    expect(again.status).toBe(200);
    expect(await changesOf(accountId)).toHaveLength(2);
  });

  test("to be made at another time than two is 422", async () => {
    const { accountId } = await subscribed("pro");
    const answer = await gateway.request(
      "DELETE",
      `/billing/subscription?accountId=${accountId}&when=later`,
      {
        bearer: gateway.serviceKey,
      },
    );
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: "query.when" }] } });
  });
});

test("an account without a subscription has nothing to change, cancel or resume", async () => {
  const accountId = await gateway.openAccount();
  for (const answer of [
    await call("PATCH", accountId, { planId: "pro" }),
    await call("PATCH", accountId, { planId: "pro", preview: true }),
    await call("PATCH", accountId, { planId: "free" }),
    await call("DELETE", accountId),
    await call("POST", accountId, {}, "/resume"),
  ]) {
    expect(answer).toMatchObject({ status: 409, body: { code: "NO_SUBSCRIPTION" } });
  }
  expect(await call("PATCH", accountId, { planId: "gold" })).toMatchObject({
    status: 422,
    body: { code: "UNKNOWN_PLAN" },
  });
});
