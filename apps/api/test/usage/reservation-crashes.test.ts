import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { UsageUseCases } from "../../src/usage/create-usage-use-cases.ts";
import { type Life, openReservationWorld, type ReservationWorld } from "./reservation-world.ts";

/** More calls than any step makes. */
const callsMax = 25;
const hourMs = 3_600_000;
const wish = { id: "r", items: [{ metric: "alerts", quantity: 60 }], ttlSeconds: 60 };

let world: ReservationWorld;
let made = 0;
let account: string;
let other: UsageUseCases;
beforeAll(async () => {
  world = await openReservationWorld();
});
afterAll(() => world.life.close());
beforeEach(async () => {
  account = await newAccount();
  other = world.startProcess();
});

async function newAccount(): Promise<string> {
  const id = `acct_${++made}`;
  await world.openAccount(id);
  return id;
}

const used = async () =>
  (await other.getUsage(account)).metrics.find(({ metric }) => metric === "alerts")?.used;
const fits = async (quantity: number) => {
  const check = { items: [{ metric: "alerts", quantity }], consume: false };
  return (await other.checkQuota(account, check)).allowed;
};
const expectCode = (promise: Promise<unknown>, code: string) =>
  expect(promise).rejects.toMatchObject({ code });

/**
 * Runs `step` in processes that die in front of their first, second, … call, each on an account of its own, until one
 * lives; `then` says what must hold after each death.
 */
async function dieEverywhere(
  prepare: () => Promise<unknown>,
  step: (process: UsageUseCases) => Promise<unknown>,
  then: () => Promise<void>,
): Promise<number> {
  for (let calls = 0; calls < callsMax; calls++) {
    account = await newAccount();
    await prepare();
    const life: Life = { callsLeft: calls };
    const isAlive = await step(world.startProcess(life)).then(
      () => true,
      (error: Error) => {
        expect(life.hasDied, error.stack).toBe(true);
        return false;
      },
    );
    await then();
    if (isAlive) return calls;
  }
  throw new Error("a step makes more calls than was thought");
}

const hold = (process = other) => process.reservations.hold(account, wish);
const commit = (process = other) =>
  process.reservations.commit(account, "r", [{ metric: "alerts", quantity: 45 }]);
const release = (process = other) => process.reservations.release(account, "r");
/** What the ticker of a gateway does once those who were at work are dead. */
async function tick(afterMs = 0) {
  world.time.nowMs += afterMs;
  await world.letRetriesPass();
  await other.reservationKeeper.keep();
  await other.reservationKeeper.sweep();
}
const loseRedis = () => world.redis.flushdb();

describe.each([
  ["and Redis lives", async () => {}],
  ["and Redis is lost", loseRedis],
])("a process dies between any two lines %s", (_, lose) => {
  test("of a hold: a repeat holds it once", async () => {
    const calls = await dieEverywhere(
      async () => {},
      hold,
      async () => {
        await lose();
        expect(await hold()).toMatchObject({ id: "r" });
        expect(await hold()).toMatchObject({ id: "r" });
        expect(await fits(40)).toBe(true);
        expect(await fits(41)).toBe(false);
        expect(await world.heldOf(account)).toEqual({ alerts: 60 });
      },
    );
    expect(calls).toBeGreaterThan(3);
  });

  test("of a hold, and nobody asks again: it is gone when it expires", async () => {
    await dieEverywhere(
      async () => {},
      hold,
      async () => {
        await lose();
        await tick(60_000);
        expect(await fits(100)).toBe(true);
        expect(await world.heldOf(account)).toEqual({});
        expect((await world.rowsOf(account)).filter(({ state }) => state !== "expired")).toEqual([]);
      },
    );
  });

  test("of a hold that does not fit: nothing is left of it", async () => {
    const take = () =>
      other.checkQuota(account, {
        items: [{ metric: "alerts", quantity: 41, id: "taken" }],
        consume: true,
      });
    const refused = (process: UsageUseCases) =>
      hold(process).catch((error: Error & { code?: string }) => {
        if (error.code !== "QUOTA_EXCEEDED") throw error;
      });
    await dieEverywhere(take, refused, async () => {
      await expectCode(hold(), "QUOTA_EXCEEDED");
      await tick(60_000);
      expect(await world.heldOf(account)).toEqual({});
      expect(await world.rowsOf(account)).toEqual([]);
      expect(await fits(59)).toBe(true);
    });
  });

  test("of a release: a repeat, or the ticker, gives it back", async () => {
    for (const goOn of [release, () => tick(60_000)]) {
      await dieEverywhere(hold, release, async () => {
        await lose();
        await goOn();
        expect(await world.heldOf(account)).toEqual({});
        expect(await fits(100)).toBe(true);
        await expectCode(commit(), "RESERVATION_ENDED");
        expect(await hold()).toMatchObject({ id: "r" });
        expect(await fits(100)).toBe(true);
      });
    }
  });

  test("of an expiry: the next tick goes on", async () => {
    const expire = (process: UsageUseCases) => {
      world.time.nowMs += 60_000;
      return process.reservationKeeper.keep();
    };
    await dieEverywhere(hold, expire, async () => {
      await lose();
      await expectCode(commit(), "RESERVATION_ENDED");
      await tick();
      expect(await world.heldOf(account)).toEqual({});
      expect(await world.rowsOf(account)).toEqual([{ id: "r", state: "expired" }]);
      expect(await fits(100)).toBe(true);
      expect(await release()).toEqual({ id: "r", state: "expired" });
    });
  });
});

test("a process dies between any two lines of a commit: a repeat, or the ticker, counts it once", async () => {
  const committed = { state: "committed", items: [{ metric: "alerts", quantity: 45 }] };
  for (const goOn of [commit, () => tick()]) {
    const calls = await dieEverywhere(hold, commit, async () => {
      await goOn();
      const [row] = await world.rowsOf(account);
      if (row?.state === "held") await commit();
      expect(await commit()).toMatchObject(committed);
      expect(await used()).toBe(45);
      expect(await world.heldOf(account)).toEqual({});
      expect(await fits(55)).toBe(true);
      expect(await fits(56)).toBe(false);
      await expectCode(release(), "RESERVATION_ENDED");
      await expectCode(other.reservations.commit(account, "r"), "RESERVATION_CONFLICT");
    });
    expect(calls).toBeGreaterThan(3);
  }
});

test("a hold that a paused process makes after its row has ended is swept", async () => {
  const paused = world.startProcess();
  await hold();
  await release();
  const [{ no } = { no: 0 }] = await world.db.rows<{ no: number }>("test", {
    text: "select reservation_no as no from usage_reservations where account_id = $1",
    values: [account],
  });
  await world.db.run("test", {
    text: "update usage_reservations set state = 'pending', outcome = null where reservation_no = $1",
    values: [no],
  });
  await hold(paused);
  await world.db.run("test", {
    text: "delete from usage_reservations where reservation_no = $1",
    values: [no],
  });
  expect(await fits(41)).toBe(false);
  await tick(60_000);
  expect(await fits(41)).toBe(false);
  await tick(hourMs);
  expect(await fits(100)).toBe(true);
  expect(await world.heldOf(account)).toEqual({});
});

test("a hold ends with its period, and an ended row is forgotten after 35 days", async () => {
  const endMs = Date.parse((await other.getUsage(account)).period.end);
  world.time.nowMs = endMs - 10_000;
  const { expiresAt } = await hold();
  expect(Date.parse(expiresAt)).toBe(endMs);
  await tick(10_000);
  expect(await world.rowsOf(account)).toEqual([{ id: "r", state: "expired" }]);
  await tick(36 * 24 * hourMs).catch(() => {});
  expect(await world.rowsOf(account)).toEqual([]);
});
