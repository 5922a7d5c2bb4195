import { sql, usageStreamPositions } from "@driftlock/db";
import { keys, partitionOf } from "@driftlock/redis";
import { expect, test } from "vitest";
import { atRenewal, closer, hourMs, minuteMs } from "./close-world.ts";
import { storeEvents, toldPeriods } from "./helpers.ts";
import { dyingDb, openRunning } from "./time-world.ts";

test("the draft is claimed at once, and nothing happens before late usage is in", async () => {
  const world = await atRenewal();
  const close = closer(world);
  await close.run();
  await close.run();
  expect(await close.state()).toEqual({ state: "draining", mismatch: null });
  expect(await world.invoice()).toMatchObject({
    status: "draft",
    auto_advance: true,
    automatically_finalizes_at: world.end.getTime() / 1000 + 86_400,
  });
});

test("wherever it dies, another goes on: reported, verified, finalized and reset once", {
  timeout: 60_000,
}, async () => {
  const world = await atRenewal();
  const close = closer(world);
  await world.travelTo(new Date(world.end.getTime() + 5 * minuteMs));
  for (let calls = 1; (await close.state())?.state !== "closed"; calls += 1) {
    await close.run(dyingDb(world.db, calls)).catch((error: Error) => expect(error.message).toBe("crashed"));
    await world.sendReports();
    expect(calls).toBeLessThan(60);
  }
  expect(await close.state()).toEqual({ state: "closed", mismatch: null });
  expect(await world.invoice()).toMatchObject({ status: "paid", total: 5_400 });
  expect((await toldPeriods(world.db, "acme")).filter((line) => line.includes("pro"))).toEqual([
    expect.stringMatching(/pro closed events=150000$/),
    expect.stringMatching(/pro$/),
    expect.stringMatching(/pro$/),
  ]);
  expect((await world.notices()).filter(({ type }) => type === "period.reset")).toHaveLength(1);
  const reports = await world.rows<{ quantity: number; late: boolean }>(
    sql`select sum(to_quantity - from_quantity)::bigint as quantity, bool_or(event_at >= ${world.end}::timestamptz) as late from usage_reports`,
  );
  expect(reports).toEqual([{ quantity: 150_000, late: false }]);
  const before = await world.rows(sql`select limits_version from accounts`);
  await close.run();
  expect(await world.rows(sql`select limits_version from accounts`)).toEqual(before);
});

test("usage that is accepted but not stored yet is waited for", async () => {
  const world = await atRenewal({ quantity: 1 });
  const close = closer(world);
  const partition = partitionOf("acme", 4);
  await world.travelTo(new Date(world.end.getTime() + 5 * minuteMs));
  await usageStreamPositions.insertPositionsIfMissing(world.db, 4);
  await world.redis.hset(keys.meta(partition), "epoch", "first");
  const streamId = (await world.redis.xadd(keys.stream(partition), "*", "a", "[]", "d", "[]")) ?? "";
  await close.run();
  await close.run();
  expect((await close.state())?.state).toBe("draining");
  await storeEvents(world.db, "acme", [{ at: new Date(world.end.getTime() - 1000), quantity: 120_000 }]);
  await usageStreamPositions.advancePosition(world.db, {
    partition,
    fence: 0,
    from: { epoch: "", streamId: "0-0" },
    to: { epoch: "first", streamId, lastRead: "" },
  });
  await close.run();
  await world.sendReports();
  await close.run();
  expect((await close.state())?.state).toBe("closed");
  expect(await world.invoice()).toMatchObject({ total: 2_900 + 1_000 });
});

test("a difference at Stripe holds the draft for a person to look at, and not for ever", {
  timeout: 60_000,
}, async () => {
  const world = await atRenewal();
  const close = closer(world);
  await world.stripe.billing.meterEvents.create({
    event_name: "driftlock_events",
    timestamp: world.end.getTime() / 1000 - 10,
    payload: { stripe_customer_id: world.customer, value: "7" },
  });
  await world.travelTo(new Date(world.end.getTime() + 5 * minuteMs));
  for (let tries = 0; tries < 12; tries += 1) {
    await close.run();
    await world.sendReports();
  }
  expect(await close.state()).toEqual({
    state: "verifying",
    mismatch: "events: reported 150000, Stripe has 150007",
  });
  expect(await world.invoice()).toMatchObject({
    status: "draft",
    automatically_finalizes_at: world.end.getTime() / 1000 + 72 * 3_600,
  });
  await world.travelTo(new Date(world.end.getTime() + 72 * hourMs + minuteMs));
  await close.run();
  expect((await close.state())?.state).toBe("closed");
  expect((await world.invoice()).status).not.toBe("draft");
});

test("a draft that Stripe finalized before us is closed all the same, and said to be unverified", async () => {
  const world = await atRenewal();
  const close = closer(world);
  await world.stripe.invoices.finalizeInvoice(world.draft.id);
  await close.run();
  expect(await close.state()).toEqual({
    state: "closed",
    mismatch: "Stripe finalized the invoice before its usage was verified",
  });
});

test.each([
  { used: 0, ends: "at once", why: "" },
  {
    used: 150_000,
    ends: "at its deadline",
    why: "events: reported 150000, Stripe has 0; ",
  },
])(
  "$used events, the customer deleted meanwhile: nobody is billed, and the period ends $ends",
  {
    timeout: 60_000,
  },
  async ({ used, why }) => {
    const world = await atRenewal({ quantity: used });
    const close = closer(world);
    await close.run();
    await world.travelTo(new Date(world.end.getTime() + 5 * minuteMs));
    if (used > 0) await close.run();
    await world.sendReports();
    await world.stripe.customers.del(world.customer);
    for (let tries = 0; tries < 12; tries += 1) await close.run();
    if (used > 0) {
      expect((await close.state())?.state).toBe("verifying");
      await world.travelTo(new Date(world.end.getTime() + 72 * hourMs + minuteMs));
      await close.run();
    }
    expect(await close.state()).toEqual({
      state: "closed",
      mismatch: `${why}Stripe bills nobody for ${world.draft.id}: its customer was deleted`,
    });
    expect((await world.invoice()).status).toBe("draft");
    expect((await toldPeriods(world.db, "acme")).filter((line) => line.includes("closed"))).toHaveLength(1);
  },
);

test("one jump past two renewals: each period closed with all its usage, before the clock arrives", {
  timeout: 120_000,
}, async () => {
  const world = await openRunning();
  const { start, end } = world;
  await storeEvents(world.db, "acme", [
    { at: new Date(start.getTime() + hourMs), quantity: 150_000 },
    { at: new Date(end.getTime() + hourMs), quantity: 200_000 },
  ]);
  await world.jumpPastTwoRenewals();
  expect((await world.invoices()).map(({ total, status }) => [total, status])).toEqual([
    [2_900, "paid"],
    [5_400, "paid"],
    [7_900, "paid"],
  ]);
  expect((await world.notices()).filter(({ type }) => type === "period.reset")).toHaveLength(2);
  expect((await toldPeriods(world.db, "acme")).filter((line) => line.includes("pro closed"))).toEqual([
    expect.stringMatching(/pro closed events=150000$/),
    expect.stringMatching(/pro closed events=200000$/),
  ]);
});
