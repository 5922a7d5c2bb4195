import { usageGenerations } from "@driftlock/db";
import { beforeEach, expect, test } from "vitest";
import { applyCorrections } from "../src/flush/apply-corrections.ts";
import { startPartitionWriter } from "../src/flush/partition-writer.ts";
import { eventOf, newAccountId, now, openFileWorld, partitions } from "./world.ts";

const world = await openFileWorld();
const { db, redis, resources, accept, used, stored, query } = world;

let accountId: string;
let partition: number;
beforeEach(async () => void ({ accountId, partition } = await world.openNewAccount("business")));

const anHourLater = 60 * 60 * 1000;
const rotate = async () => {
  const { generation } = await usageGenerations.findCurrent(db);
  await db.transaction((tx) => usageGenerations.rotate(tx, generation, now));
};

test("a repeat and a conflict of a generation before: dropped, set aside, and taken back from the live counter", async () => {
  await accept(["1", "2", "3"].map((id) => eventOf(accountId, id, { quantity: 3 })));
  await world.commit(partition);
  await rotate();
  await resources.knownIds.keepFilters();
  await rotate();
  await accept(
    [
      eventOf(accountId, "1", { quantity: 3, occurredAtMs: now.getTime() - anHourLater }),
      eventOf(accountId, "2", { quantity: 30 }),
      eventOf(accountId, "4", { quantity: 5 }),
    ],
    anHourLater,
  );
  expect(await used(accountId)).toBe(9 + 38);
  expect(await world.commit(partition)).toMatchObject({ events: 1, repeats: 1, quarantined: 1 });
  await applyCorrections({ db, redis }, partition);
  expect(await used(accountId)).toBe(14);
  expect(await stored(accountId)).toEqual({ records: 4, sum: 14, total: 14, minutes: 14 });
  expect(await query`select event_id, reason from usage_quarantine where account_id = ${accountId}`).toEqual([
    { event_id: "2", reason: "conflict" },
  ]);
});

test("generations change under writers that drop repeats: records, totals and live counters agree", async () => {
  const accountIds = Array.from({ length: 6 }, newAccountId);
  for (const each of accountIds) await world.openAccount(each, "business");
  const leases = await Promise.all(
    Array.from({ length: partitions }, async (_, each) => ({
      partition: each,
      fence: (await world.position(each)).fence,
    })),
  );
  const writers = leases.map((lease) => startPartitionWriter(resources, lease));
  const rounds = 10;
  for (let round = 0; round < rounds; round++) {
    // Half of the round before comes once more, past the guard.
    const ids = Array.from({ length: 60 }, (_, index) => `${round * 40 + index}`);
    const events = accountIds.flatMap((each) => ids.map((id) => eventOf(each, id, { quantity: 2 })));
    await Promise.all([accept(events, round * anHourLater), rotate()]);
    await resources.knownIds.keepFilters();
  }
  await Promise.all(writers.map((writer) => writer.stop()));
  const count = (rounds - 1) * 40 + 60;
  for (const each of accountIds) {
    expect(await stored(each)).toEqual({
      records: count,
      sum: 2 * count,
      total: 2 * count,
      minutes: 2 * count,
    });
    expect(await used(each)).toBe(2 * count);
  }
});
