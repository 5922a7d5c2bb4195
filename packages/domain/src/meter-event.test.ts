import fc from "fast-check";
import { expect, test } from "vitest";
import {
  freezeWindow,
  isLeftToClose,
  meterEventIdentifier,
  meterEventTimestamp,
  meterEventValue,
} from "./meter-event.ts";

const instant = fc.date({ min: new Date("2025-01-01"), max: new Date("2030-01-01"), noInvalidDate: true });
const accountId = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const metric = fc.stringMatching(/^[a-z][a-z0-9_]{0,63}$/);

test("a window's instant is a whole second inside of its period, and now where now is inside", () => {
  fc.assert(
    fc.property(
      instant,
      fc.integer({ min: 1_000, max: 3_000_000_000 }),
      instant,
      (periodStart, lengthMs, now) => {
        const periodEnd = new Date(periodStart.getTime() + lengthMs);
        const at = meterEventTimestamp({ periodStart, periodEnd, now }).getTime();
        expect(at % 1000).toBe(0);
        expect(at).toBeGreaterThanOrEqual(periodStart.getTime());
        expect(at).toBeLessThan(periodEnd.getTime());
        if (now > periodEnd) expect(periodEnd.getTime() - at).toBeLessThanOrEqual(1_000);
      },
    ),
  );
});

test("identifiers are short enough for Stripe and differ with all that they name", () => {
  const window = fc.record({
    accountId,
    metric,
    periodStart: instant,
    windowNo: fc.integer({ min: 1, max: 9_999_999 }),
  });
  fc.assert(
    fc.property(window, window, (one, other) => {
      expect(meterEventIdentifier(one).length).toBeLessThanOrEqual(100);
      const seconds = ({ periodStart }: typeof one) => Math.floor(periodStart.getTime() / 1000);
      const isSame =
        one.accountId === other.accountId &&
        one.metric === other.metric &&
        one.windowNo === other.windowNo &&
        seconds(one) === seconds(other);
      expect(meterEventIdentifier(one) === meterEventIdentifier(other)).toBe(isSame);
    }),
  );
});

test("windows of a total follow each other without gap or overlap", () => {
  const base = {
    accountId: "acct",
    metric: "events",
    periodStart: new Date("2026-01-01T00:00:00Z"),
    periodEnd: new Date("2026-02-01T00:00:00Z"),
    stripeCustomerId: "cus_1",
    meterEventName: "driftlock_events",
    lastEventAt: null,
    reportMode: "sum" as const,
  };
  const now = new Date("2026-01-10T10:20:30.400Z");
  const first = freezeWindow({ ...base, quantity: 70, reportedQuantity: 0, windowCount: 0 }, now);
  const second = freezeWindow({ ...base, quantity: 150, reportedQuantity: 70, windowCount: 1 }, now);
  expect(first).toMatchObject({ fromQuantity: 0, toQuantity: 70, eventAt: new Date("2026-01-10T10:20:30Z") });
  expect(second).toMatchObject({ fromQuantity: 70, toQuantity: 150 });
  expect(first.identifier).not.toBe(second.identifier);
});

test("totals of a period are dated later and later, inside of it, and its last minute is the close's", () => {
  const periodStart = new Date("2026-01-01T00:00:00Z");
  const periodEnd = new Date("2026-02-01T00:00:00Z");
  const moments = fc.array(fc.integer({ min: 0, max: 32 * 86_400_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(moments, (offsets) => {
      let lastEventAt: Date | null = null;
      for (const [windowCount, offset] of offsets.sort((a, b) => a - b).entries()) {
        const now = new Date(periodStart.getTime() + offset);
        const total = {
          ...{ accountId: "acct", metric: "events", periodStart, periodEnd, windowCount, lastEventAt },
          ...{ stripeCustomerId: "cus_1", meterEventName: "driftlock_events", reportMode: "last" as const },
          ...{ quantity: windowCount + 1, reportedQuantity: windowCount },
        };
        if (isLeftToClose(total, now) && now < periodEnd) continue;
        const window = freezeWindow(total, now);
        expect(meterEventValue(window)).toBe(windowCount + 1);
        const eventAt = window.eventAt.getTime();
        expect(eventAt % 1_000).toBe(0);
        expect(eventAt).toBeLessThan(periodEnd.getTime());
        if (lastEventAt !== null) expect(eventAt).toBeGreaterThan(lastEventAt.getTime());
        if (now >= periodEnd) expect(periodEnd.getTime() - eventAt).toBeLessThanOrEqual(60_000);
        lastEventAt = window.eventAt;
      }
    }),
  );
});
