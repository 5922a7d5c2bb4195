import { sql } from "@driftlock/db";
import { quantityWithinCap } from "@driftlock/domain";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { UsageUseCases } from "../../src/usage/create-usage-use-cases.ts";
import { openReservationWorld, type ReservationWorld } from "./reservation-world.ts";

const price = { includedQuantity: 100_000, amountMinor: 50, perUnits: 1_000 };

let world: ReservationWorld;
let gateway: UsageUseCases;
let account: string;
let made = 0;
let sent = 0;
beforeAll(async () => {
  world = await openReservationWorld();
  gateway = world.startProcess();
});
afterAll(() => world.life.close());
beforeEach(async () => {
  account = `acct_${++made}`;
  await world.openAccount(account);
  await world.db.run(
    "test",
    sql`update usage_periods set plan_id = 'pro' where account_id = ${account}::text`,
  );
});

const setCap = (amountMinor: number | null) => gateway.spendCap.setSpendCap(account, amountMinor);

const send = async (...quantities: number[]): Promise<string[]> => {
  const events = quantities.map((quantity) => ({ id: `e${++sent}`, metric: "events", quantity }));
  const recorded = await gateway.recordUsage({ accountId: account }, events);
  return recorded.map((each) => ("outcome" in each ? each.outcome : "accepted"));
};
const standing = async () =>
  (await gateway.getUsage(account)).metrics.find(({ metric }) => metric === "events");
const checkOf = async (quantity: number) =>
  (await gateway.checkQuota(account, { items: [{ metric: "events", quantity }], consume: false })).items[0];

test("Pro with a cap of $10: refused at exactly the event that would cost a cent more", async () => {
  await setCap(1_000);
  const last = quantityWithinCap(price, 1_000)!;
  expect(last).toBe(120_009);
  expect(await send(last - 3)).toEqual(["accepted"]);
  expect(await standing()).toMatchObject({
    used: last - 3,
    limit: 100_000,
    remaining: 3,
    overage: 20_006,
    overagePolicy: "bill",
  });
  expect(await checkOf(3)).toMatchObject({ allowed: true, limit: 100_000, remaining: 3 });
  expect(await checkOf(4)).toMatchObject({ allowed: false, code: "QUOTA_EXCEEDED" });
  expect(await send(1, 1, 1, 1, 0)).toEqual([
    "accepted",
    "accepted",
    "accepted",
    "quota-exceeded",
    "accepted",
  ]);
  expect(await standing()).toMatchObject({ used: last, remaining: 0 });
});

test("a cap below what is used refuses from now on and bills what was; a higher one, or none, lets go on", async () => {
  expect(await send(150_000)).toEqual(["accepted"]);
  await setCap(500);
  expect(await send(1)).toEqual(["quota-exceeded"]);
  expect(await standing()).toMatchObject({ used: 150_000, overage: 50_000, remaining: 0 });
  await setCap(2_500);
  expect(await send(10, 9)).toEqual(["quota-exceeded", "accepted"]);
  await setCap(null);
  expect(await send(1_000_000)).toEqual(["accepted"]);
  expect(await standing()).toMatchObject({ overage: 1_050_009, remaining: 0 });
});

test("no money past the quota at all; the next period begins anew", async () => {
  await setCap(0);
  const last = quantityWithinCap(price, 0)!;
  expect(await send(last, 1)).toEqual(["accepted", "quota-exceeded"]);
  world.time.nowMs = Date.parse((await gateway.getUsage(account)).period.end) + 1;
  expect(await standing()).toMatchObject({ used: 0, remaining: last });
  expect(await send(last, 1)).toEqual(["accepted", "quota-exceeded"]);
});

test("what reservations hold is within the cap too", async () => {
  await setCap(1_000);
  const items = [{ metric: "events", quantity: 120_000 }];
  await gateway.reservations.hold(account, { id: "r", items, ttlSeconds: 60 });
  expect(await send(10, 9)).toEqual(["quota-exceeded", "accepted"]);
  await setCap(100);
  await expect(gateway.reservations.commit(account, "r")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  const less = quantityWithinCap(price, 100)! - 9;
  const some = [{ metric: "events", quantity: less }];
  expect(await gateway.reservations.commit(account, "r", some)).toMatchObject({ state: "committed" });
  expect(await send(1)).toEqual(["quota-exceeded"]);
});

test("a commit past the cap whose event is stored with another payload is a conflict, not a spent quota", async () => {
  const items = [{ metric: "events", quantity: 120_000 }];
  await gateway.reservations.hold(account, { id: "r", items, ttlSeconds: 60 });
  await world.db.run(
    "test",
    sql`insert into usage_records_1 (account_id, event_id, metric, quantity, occurred_at, received_at)
      values (${account}::text, 'reservation:r:events', 'events', 7, now(), now())`,
  );
  await setCap(100);
  for (let times = 0; times < 2; times++)
    await expect(gateway.reservations.commit(account, "r")).rejects.toMatchObject({ code: "EVENT_CONFLICT" });
});

test("alerts on Pro are refused at 1,000, with a cap or without", async () => {
  for (const cap of [null, 1_000_000]) {
    await setCap(cap);
    const alerts = { metric: "alerts", quantity: 1_000, id: "all" };
    await gateway.recordUsage({ accountId: account }, [alerts]);
    const more = [{ id: `more${cap}`, metric: "alerts" }];
    expect(await gateway.recordUsage({ accountId: account }, more)).toMatchObject([
      { outcome: "quota-exceeded" },
    ]);
  }
});

test("a cap that is set again as it is changes nothing; every change is a newer version of the limits", async () => {
  const version = async () => {
    const [row] = await world.db.rows<{ version: number }>(
      "test",
      sql`select limits_version as version from accounts where account_id = ${account}::text`,
    );
    return row?.version ?? 0;
  };
  const before = await version();
  await setCap(5);
  await setCap(5);
  expect(await version()).toBe(before + 1);
  await setCap(null);
  expect(await version()).toBe(before + 2);
});
