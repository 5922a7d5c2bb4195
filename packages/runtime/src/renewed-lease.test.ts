import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { leaseTtlMs, withRenewedLease } from "./index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a lease never runs out while the work goes on, and is given back once after it", async () => {
  let until = Date.now() + leaseTtlMs;
  let releases = 0;
  const lease = {
    renew: async () => void (until = Date.now() + leaseTtlMs),
    release: async () => void releases++,
  };
  const work = Promise.withResolvers<string>();
  const held = withRenewedLease(lease, () => work.promise);
  for (let second = 0; second < 30; second++) {
    await vi.advanceTimersByTimeAsync(1_000);
    expect(until).toBeGreaterThan(Date.now());
  }
  expect(releases).toBe(0);
  work.resolve("done");
  expect(await held).toBe("done");
  expect(releases).toBe(1);
  const last = until;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(until).toBe(last);
});

test("a renewal or a release that fails is no failure of the work; the work's own is", async () => {
  let renewals = 0;
  const away = async () => {
    renewals++;
    throw new Error("Postgres is away");
  };
  const lease = { renew: away, release: away };
  const work = Promise.withResolvers<number>();
  const held = withRenewedLease(lease, () => work.promise);
  await vi.advanceTimersByTimeAsync(leaseTtlMs);
  expect(renewals).toBeGreaterThan(1);
  work.resolve(7);
  expect(await held).toBe(7);
  await expect(withRenewedLease(lease, () => Promise.reject(new Error("declined")))).rejects.toThrow(
    "declined",
  );
});
