import { beforeEach, expect, test } from "vitest";
import { applyCorrections } from "../src/flush/apply-corrections.ts";
import { eventOf, openFileWorld } from "./world.ts";

const world = await openFileWorld();
const { db, redis, accept, used, stored, query } = world;

let accountId: string;
let partition: number;
beforeEach(async () => {
  ({ accountId, partition } = await world.openNewAccount("pro"));
  await close(accountId);
});

const close = (closed: string) => query`update usage_periods set closed_at = period_end
  where account_id = ${closed} and period_start = (select min(period_start) from usage_periods where account_id = ${closed})`;
const marks = async () =>
  (await query`select from usage_adjustment_checks where account_id = ${accountId}`).length;
const anHourLater = 60 * 60 * 1000;

test("a closed period goes on to take what its plan bills: counted, and marked in the same commit", async () => {
  const events = [
    eventOf(accountId, "1", { quantity: 5 }),
    eventOf(accountId, "2", { metric: "alerts", quantity: 7 }),
    eventOf(accountId, "3", { metric: "api_requests" }),
  ];
  expect(await accept(events)).toEqual(["accepted", "period-closed", "period-closed"]);
  expect(await used(accountId)).toBe(5);
  expect(await world.commit(partition)).toMatchObject({ events: 1, quarantined: 0 });
  expect(await stored(accountId)).toMatchObject({ records: 1, total: 5 });
  expect(await marks()).toBe(1);
  const free = await world.openNewAccount();
  await close(free.accountId);
  expect(await accept([eventOf(free.accountId, "1")])).toEqual(["period-closed"]);
});

test("a batch without closed periods marks nothing, and nor does what no plan bills", async () => {
  await query`update usage_periods set closed_at = null where account_id = ${accountId}`;
  await accept([eventOf(accountId, "1"), eventOf(accountId, "2", { metric: "alerts" })]);
  await close(accountId);
  await query`update usage_periods set plan_id = 'free' where account_id = ${accountId}`;
  expect(await world.commit(partition)).toMatchObject({ events: 2, quarantined: 0 });
  expect(await marks()).toBe(0);
});

test("where an operator decides, it is set aside and taken back, until somebody lets it in", async () => {
  await query`update metrics set late_policy = 'operator-review', version = version + 1 where metric = 'events'`;
  const event = eventOf(accountId, "1", { quantity: 5 });
  expect(await accept([event, eventOf(accountId, "2")])).toEqual(["accepted", "accepted"]);
  expect(await world.commit(partition)).toMatchObject({ events: 0, quarantined: 2, hasCorrections: true });
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId)).toBe(0);
  expect(
    await query`select event_id, reason from usage_quarantine where account_id = ${accountId}
    order by event_id`,
  ).toEqual([
    { event_id: "1", reason: "late" },
    { event_id: "2", reason: "late" },
  ]);
  await query`update usage_quarantine set replaying_at = now() where account_id = ${accountId} and event_id = '1'`;
  await accept([event, eventOf(accountId, "2")], anHourLater);
  expect(await world.commit(partition)).toMatchObject({ events: 1, quarantined: 1 });
  await applyCorrections({ db, redis }, partition);
  expect(await stored(accountId)).toMatchObject({ records: 1, total: 5 });
  expect(await used(accountId)).toBe(5);
  await query`update metrics set late_policy = 'carry-as-adjustment', version = version + 1 where metric = 'events'`;
});
