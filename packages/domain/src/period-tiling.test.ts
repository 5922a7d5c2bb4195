import { expect, test } from "vitest";
import { type TiledPeriod, type TilingSubscription, tilePeriods } from "./period-tiling.ts";

const at = (text: string) => new Date(`${text}Z`);
const free = { freeAnchorAt: at("2026-01-31T10:00:00.250"), freePlanVersions: [{ version: 1, from: null }] };

const pro = (over: Partial<TilingSubscription> = {}): TilingSubscription => ({
  stripeSubscriptionId: "sub_1",
  planId: "pro",
  planVersion: 1,
  rank: 1,
  status: "active",
  period: { start: at("2026-02-10T12:00:00"), end: at("2026-03-10T12:00:00") },
  startedAt: at("2026-02-10T12:00:00"),
  planChangedAt: null,
  endsAt: null,
  pending: null,
  change: null,
  ...over,
});

const tile = (rows: readonly TiledPeriod[], subscriptions: readonly TilingSubscription[], now: string) =>
  tilePeriods({ ...free, rows, subscriptions, now: at(now) });
const told = (rows: readonly TiledPeriod[]) =>
  rows.map(
    (row) =>
      `${row.start.toISOString().slice(0, 16)} ${row.planId}${row.stripeSubscriptionId ? ` ${row.stripeSubscriptionId}` : ""}${row.closedAt ? " closed" : ""}`,
  );
const closed = (rows: readonly TiledPeriod[], count: number, closedAt: Date = at("2026-06-01T00:00:00")) =>
  rows.map((row, index) => (index < count ? { ...row, closedAt } : row));

const onFree = tile([], [], "2026-02-01T00:00:00");
const onPro = tile(onFree, [pro()], "2026-02-10T12:00:03");

test("Free runs in months of its anchor, one period ahead", () => {
  expect(told(onFree)).toEqual(["2026-01-31T10:00 free", "2026-02-28T10:00 free"]);
  expect(told(tile(onFree, [], "2026-03-01T00:00:00"))).toEqual([
    "2026-01-31T10:00 free",
    "2026-02-28T10:00 free",
    "2026-03-31T10:00 free",
  ]);
});

test("another version of Free comes with a cycle; the one that runs keeps its own", () => {
  const next = at("2026-02-28T10:00:00.250");
  const versions = (rows: readonly TiledPeriod[], given: TilingSubscription[], now: string) =>
    tilePeriods({
      ...free,
      freePlanVersions: [...free.freePlanVersions, { version: 2, from: next }],
      rows,
      subscriptions: given,
      now: at(now),
    }).map(
      ({ start, planId, planVersion }) => `${start.toISOString().slice(0, 16)} ${planId} v${planVersion}`,
    );
  const told2 = ["2026-01-31T10:00 free v1", "2026-02-28T10:00 free v2"];
  expect(versions(onFree, [], "2026-02-05T00:00:00")).toEqual(told2);
  // Ended and not closed yet it is still of the version that it had.
  expect(versions(onFree, [], "2026-02-28T10:03:00")).toEqual([...told2, "2026-03-31T10:00 free v2"]);
  // Who comes back from a paid plan finds the version of the day.
  const ends = (day: string) => [pro({ endsAt: at(day) })];
  expect(versions(onPro, ends("2026-02-20T00:00:00"), "2026-02-20T00:00:01")).toEqual([
    "2026-01-31T10:00 free v1",
    "2026-02-10T12:00 pro v1",
    "2026-02-20T00:00 free v1",
    "2026-02-28T10:00 free v2",
  ]);
  expect(versions(onPro, ends("2026-03-01T00:00:00"), "2026-03-01T00:00:01").slice(2)).toEqual([
    "2026-03-01T00:00 free v2",
    "2026-03-31T10:00 free v2",
  ]);
});

test("a subscription cuts Free at its start, not at the moment it was heard of", () => {
  expect(told(onPro)).toEqual([
    "2026-01-31T10:00 free",
    "2026-02-10T12:00 pro sub_1",
    "2026-03-10T12:00 pro sub_1",
  ]);
});

test("a renewal copies Stripe's period and adds the provisional next one", () => {
  const renewed = pro({ period: { start: at("2026-03-10T12:00:00"), end: at("2026-04-10T12:00:00") } });
  expect(told(tile(onPro, [renewed], "2026-03-10T12:00:02")).slice(2)).toEqual([
    "2026-03-10T12:00 pro sub_1",
    "2026-04-10T12:00 pro sub_1",
  ]);
});

test("a renewal that Stripe is late with leaves the provisional period, and one beyond it", () => {
  expect(told(tile(onPro, [pro()], "2026-03-10T12:30:00")).slice(2)).toEqual([
    "2026-03-10T12:00 pro sub_1",
    "2026-04-10T12:00 pro sub_1",
  ]);
});

test("set to end, it is followed by Free in Free's own cycle; taken back, by itself", () => {
  const ending = tile(onPro, [pro({ endsAt: at("2026-03-10T12:00:00") })], "2026-02-20T00:00:00");
  expect(told(ending)).toEqual([
    "2026-01-31T10:00 free",
    "2026-02-10T12:00 pro sub_1",
    "2026-03-10T12:00 free",
    "2026-03-31T10:00 free",
  ]);
  expect(tile(ending, [pro()], "2026-02-21T00:00:00")).toEqual(onPro);
});

test("cancelled now, Free goes on from that second", () => {
  const gone = pro({ status: "canceled", endsAt: at("2026-02-14T08:00:00") });
  expect(told(tile(onPro, [gone], "2026-02-14T08:00:04")).slice(1)).toEqual([
    "2026-02-10T12:00 pro sub_1",
    "2026-02-14T08:00 free",
    "2026-02-28T10:00 free",
  ]);
});

test("a scheduled downgrade is the next period's plan", () => {
  const business = pro({ planId: "business", rank: 2, pending: { planId: "pro", planVersion: 1 } });
  const tiles = tile(onFree, [business], "2026-02-10T12:00:03");
  expect(told(tiles).slice(1)).toEqual(["2026-02-10T12:00 business sub_1", "2026-03-10T12:00 pro sub_1"]);
});

test("an upgrade cuts at the instant that was told, else at the second it was seen", () => {
  const upgraded = pro({ planId: "business", rank: 2, planChangedAt: at("2026-02-20T09:00:00") });
  const tiles = tile(onPro, [upgraded], "2026-02-20T09:00:05");
  expect(told(tiles).slice(1)).toEqual([
    "2026-02-10T12:00 pro sub_1",
    "2026-02-20T09:00 business sub_1",
    "2026-03-10T12:00 business sub_1",
  ]);
  expect(tile(tiles, [upgraded], "2026-02-25T00:00:00")).toEqual(tiles);

  const untold = tile(onPro, [pro({ planId: "business", rank: 2 })], "2026-02-20T09:00:05.700");
  expect(untold[2]?.start).toEqual(at("2026-02-20T09:00:05"));
  expect(tile(untold, [pro({ planId: "business", rank: 2 })], "2026-02-21T00:00:00")).toEqual(untold);
});

test("the old subscription's end changes nothing while a better one is in force (FIELD H14)", () => {
  const old = pro({ status: "canceled", endsAt: at("2026-02-12T00:00:00") });
  const renewed = pro({
    stripeSubscriptionId: "sub_2",
    period: { start: at("2026-02-11T00:00:00"), end: at("2026-03-11T00:00:00") },
    startedAt: at("2026-02-11T00:00:00"),
  });
  const tiles = tile(onPro, [pro(), renewed], "2026-02-11T00:00:02");
  expect(tiles).toEqual(onPro);
  expect(told(tile(tiles, [old, renewed], "2026-02-12T00:00:01")).slice(1)).toEqual([
    "2026-02-10T12:00 pro sub_1",
    "2026-02-12T00:00 pro sub_2",
    "2026-03-11T00:00 pro sub_2",
  ]);
});

test("what never granted anything leaves no trace", () => {
  for (const status of ["incomplete", "incomplete_expired", "unpaid", "paused"] as const)
    expect(tile(onFree, [pro({ status })], "2026-02-12T00:00:00")).toEqual(onFree);
});

test("unpaid ends the grant from now on and keeps what was", () => {
  expect(told(tile(onPro, [pro({ status: "unpaid" })], "2026-02-17T00:00:00.900")).slice(1)).toEqual([
    "2026-02-10T12:00 pro sub_1",
    "2026-02-17T00:00 free",
    "2026-02-28T10:00 free",
  ]);
});

test("closed rows stay, even where a subscription says otherwise", () => {
  const rows = closed(onFree, 1);
  const tiles = tile(rows, [pro()], "2026-03-01T00:00:00");
  expect(tiles[0]).toEqual(rows[0]);
  expect(told(tiles).slice(1)).toEqual(
    ["2026-02-28T10:00 pro sub_1", "2026-03-10T12:00 pro sub_1", "2026-04-10T12:00 pro sub_1"].slice(0, 2),
  );
});

test("the provisional period keeps the anchor's day over short months", () => {
  const period = { start: at("2026-03-31T00:00:00"), end: at("2026-04-30T00:00:00") };
  const tiles = tile([], [pro({ period, startedAt: at("2026-01-31T00:00:00") })], "2026-04-01T00:00:00");
  expect(tiles.at(-1)?.end).toEqual(at("2026-05-31T00:00:00"));
});

test("an account opened in the very second of its subscription begins with it", () => {
  const period = { start: at("2026-01-31T10:00:00"), end: at("2026-02-28T10:00:00") };
  const tiles = tile(onFree, [pro({ period, startedAt: period.start })], "2026-01-31T10:00:02");
  expect(tiles.map(({ start }) => start)).toEqual([period.start, period.end]);
  expect(tile(tiles, [pro({ period, startedAt: period.start })], "2026-02-01T00:00:00")).toEqual(tiles);
});
