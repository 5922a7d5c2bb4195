import type { LiveAggregation } from "@driftlock/contracts";
import { sql, usageGroups, usageTotals } from "@driftlock/db";
import { beforeAll, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const hourMs = 60 * 60_000;
const minuteMs = 60_000;
const dayMs = 24 * hourMs;
/** Of days that are kept by the minute. */
const dayFrom = (days: number) =>
  new Date((Math.floor(Date.now() / dayMs) - 10 + days) * dayMs).toISOString().slice(0, 10);
const [eve, day, next] = [dayFrom(-1), dayFrom(0), dayFrom(1)] as const;

const gateway = await openFileGateway();
let account: string;
let key: string;
beforeAll(async () => {
  account = await gateway.openAccount();
  key = await gateway.addKey(["billing:read"], account);
  await gateway.db.run(
    "test",
    sql`insert into metrics (metric, name, aggregation, unit, group_by_keys, created_at)
      values ('level', 'Level', 'last', 'unit', '{region}', now()), ('bare', 'Bare', 'sum', 'unit', '{}', now())`,
  );
});

interface Sample {
  at: string;
  quantity: number;
  count?: number;
  region?: string | number | boolean;
}

/** As the aggregator writes a batch of one event for each sample. */
async function store(metric: string, aggregation: LiveAggregation, samples: readonly Sample[]) {
  for (const { at, quantity, count = 1, region } of samples) {
    const lastOccurredAtMs = Date.parse(at);
    const start = (sizeMs: number) => Math.floor(lastOccurredAtMs / sizeMs) * sizeMs;
    const delta = { accountId: account, metric, quantity, eventCount: count, lastOccurredAtMs };
    const merge = usageTotals.mergeOf(aggregation);
    await usageTotals.upsertMinutes(gateway.db, merge, [{ ...delta, atMs: start(minuteMs) }]);
    await usageTotals.upsertHours(gateway.db, merge, [{ ...delta, atMs: start(hourMs) }]);
    const value =
      region === undefined
        ? aggregation === "sum"
          ? null
          : usageGroups.valueOfNone
        : JSON.stringify(region);
    if (value === null) continue;
    for (const window of usageGroups.groupWindows) {
      const group = { ...delta, key: metric === "events" ? "source" : "region", value };
      await usageGroups.upsertGroups(gateway.db, aggregation, window, [
        { ...group, atMs: start(window * minuteMs) },
      ]);
    }
  }
}

const series = (query: string, bearer = key) =>
  gateway.request("GET", `/billing/usage/series?${query}`, { bearer });
const pointsOf = ({ points }: { points: { quantity: number; count: number }[] }) =>
  points.map(({ quantity, count }) => [quantity, count]);

test("each event is in one window of each size: at its start, not at its end, in UTC", async () => {
  await store("events", "sum", [
    { at: `${eve}T23:59:59.999Z`, quantity: 1 },
    { at: `${day}T00:00:00.000Z`, quantity: 2 },
    { at: `${day}T00:59:59.999Z`, quantity: 4 },
    { at: `${day}T01:00:00.000Z`, quantity: 8 },
    { at: `${day}T23:59:00.000Z`, quantity: 16 },
    { at: `${next}T00:00:00.000Z`, quantity: 32 },
  ]);
  const range = `from=${day}T00:00:00Z&to=${next}T00:00:00Z`;
  const whole = await series(`metric=events&window=day&${range}`);
  expect(whole.body).toMatchObject({
    window: "day",
    from: `${day}T00:00:00.000Z`,
    to: `${next}T00:00:00.000Z`,
  });
  expect(pointsOf(whole.body)).toEqual([[30, 4]]);
  expect(whole.body).not.toHaveProperty("groups");
  const hours = pointsOf((await series(`metric=events&window=hour&${range}`)).body);
  expect(hours).toHaveLength(24);
  expect([hours[0], hours[1], hours[2], hours[23]]).toEqual([
    [6, 2],
    [8, 1],
    [0, 0],
    [16, 1],
  ]);
  const minutes = (await series(`metric=events&window=minute&from=${day}T00:59:00Z&to=${day}T01:00:30Z`))
    .body;
  expect(minutes.to).toBe(`${day}T01:01:00.000Z`);
  expect(pointsOf(minutes)).toEqual([
    [4, 1],
    [8, 1],
  ]);
  // The same windows, named in another zone; a range within one window is that window.
  const abroad = await series(
    `metric=events&window=day&from=${encodeURIComponent(`${day}T05:30:00+05:30`)}&to=${day}T00:00:00.001Z`,
  );
  expect(abroad.body).toEqual(whole.body);
});

test("a peak and a last of a day are of its hours, not their sum", async () => {
  await store("storage_bytes", "max", [
    { at: `${day}T03:00:00Z`, quantity: 9 },
    { at: `${day}T05:00:00Z`, quantity: 7 },
  ]);
  await store("level", "last", [
    { at: `${day}T05:00:01Z`, quantity: 3, region: "eu" },
    { at: `${day}T03:00:00Z`, quantity: 9, region: "us" },
    { at: `${day}T05:00:00Z`, quantity: 5 },
  ]);
  const query = `window=day&from=${day}T00:00:00Z&to=${next}T00:00:00Z`;
  expect(pointsOf((await series(`metric=storage_bytes&${query}`)).body)).toEqual([[9, 2]]);
  const last = (await series(`metric=level&groupBy=region&${query}`)).body;
  expect(pointsOf(last)).toEqual([[3, 3]]);
  const groups = last.groups.map((group: { kind: string; value: unknown; points: never }) => [
    group.kind,
    group.value,
    ...pointsOf(group),
  ]);
  expect(groups).toEqual([
    ["value", "us", [9, 1]],
    ["value", "eu", [3, 1]],
    ["none", null, [5, 1]],
  ]);
});

test.each(["minute", "hour", "day"])("groups by %s make up the whole, the largest first", async (window) => {
  account = await gateway.openAccount();
  key = await gateway.addKey(["billing:read"], account);
  const at = new Date(Date.now() - hourMs).toISOString();
  await store("events", "sum", [
    { at, quantity: 5, region: "api" },
    { at, quantity: 50, region: 7 },
    { at, quantity: 5, region: "7" },
    { at, quantity: 2, region: true },
    { at, quantity: 3 },
  ]);
  const { body } = await series(`metric=events&window=${window}&groupBy=source`);
  expect(body.groupBy).toBe("source");
  const sums = body.groups.map(
    ({
      kind,
      value,
      points,
    }: {
      kind: string;
      value: unknown;
      points: { quantity: number; count: number }[];
    }) => [
      kind,
      value,
      points.reduce((sum, point) => sum + point.quantity, 0),
      points.reduce((sum, point) => sum + point.count, 0),
    ],
  );
  expect(sums).toEqual([
    ["value", 7, 50, 1],
    ["value", "7", 5, 1],
    ["value", "api", 5, 1],
    ["value", true, 2, 1],
    ["none", null, 3, 1],
  ]);
  for (const group of body.groups) expect(group.points).toHaveLength(body.points.length);
});

test("past 100 groups the rest is one group, together with the values past the day's bound", async () => {
  account = await gateway.openAccount();
  key = await gateway.addKey(["billing:read"], account);
  const nowMs = Date.now();
  const startOf = (sizeMs: number) => Math.floor(nowMs / sizeMs) * sizeMs;
  const delta = { accountId: account, metric: "events", eventCount: 1, lastOccurredAtMs: nowMs };
  const groups = Array.from({ length: 110 }, (_, index) => ({
    ...{ ...delta, atMs: startOf(24 * hourMs), key: "source" },
    value: JSON.stringify(`s${String(index).padStart(3, "0")}`),
    quantity: 1_000 - index,
  }));
  groups.push({ ...groups[0]!, value: usageGroups.valueOfOthers, quantity: 5_000 });
  await usageGroups.upsertGroups(gateway.db, "sum", 1_440, groups);
  const total = groups.reduce((sum, { quantity }) => sum + quantity, 0);
  await usageTotals.upsertHours(gateway.db, "add", [
    { ...delta, atMs: startOf(hourMs), quantity: total, eventCount: 111 },
  ]);
  const { body } = await series("metric=events&window=day&groupBy=source");
  expect(body.groups).toHaveLength(101);
  expect(body.groups[0]).toMatchObject({ kind: "value", value: "s000" });
  expect(body.groups[100]).toMatchObject({ kind: "other", value: null });
  const shown = 100 * 1_000 - (99 * 100) / 2;
  expect(pointsOf(body.groups[100]).at(-1)).toEqual([total - shown, 11]);
  expect(pointsOf(body).at(-1)).toEqual([total, 111]);
});

test.each([
  ["metric=events&groupBy=nothing", "UNKNOWN_GROUP_KEY", /"source", "type"/],
  ["metric=bare&groupBy=source", "UNKNOWN_GROUP_KEY", /declares none/],
  ["metric=events&groupBy=", "INVALID", /groupBy/],
  ["metric=nothing", "UNKNOWN_METRIC", /nothing/],
  ["metric=events&from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "INVALID", /before/],
  ["metric=events&window=day&from=9999-12-30T00:00:00Z&to=9999-12-31T23:59:59Z", "INVALID", /9999/],
  ["metric=events&window=day&from=1969-12-30T00:00:00Z&to=1970-01-02T00:00:00Z", "INVALID", /1970/],
  ["metric=events&from=2026-02-30T00:00:00Z", "INVALID", /from/],
  ["metric=events&window=week", "INVALID", /window/],
  [
    "metric=events&window=minute&groupBy=source&from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z",
    "USAGE_NOT_KEPT",
    /35 days/,
  ],
])("%s is 422 %s", async (query, code, detail) => {
  const { status, body } = await series(query);
  expect([status, body.code]).toEqual([422, code]);
  expect(body.detail).toMatch(detail);
});

test.each([
  ["window=minute", minuteMs, 35],
  ["window=hour", hourMs, 400],
  ["window=minute&groupBy=source", minuteMs, 35],
  ["window=hour&groupBy=source", hourMs, 35],
  ["window=day&groupBy=source", dayMs, 400],
])("%s: what is not kept any more is refused, not told as none", async (query, sizeMs, days) => {
  const ask = (fromMs: number) =>
    series(
      `metric=events&${query}&from=${new Date(fromMs).toISOString()}&to=${new Date(fromMs + 60_000).toISOString()}`,
    );
  // The clock goes on between here and there: up to a window more is refused, never less.
  const keptMs = Math.floor((Date.now() - days * dayMs) / sizeMs) * sizeMs;
  expect((await ask(keptMs + sizeMs)).status).toBe(200);
  const { status, body } = await ask(keptMs - 1);
  expect([status, body.code]).toEqual([422, "USAGE_NOT_KEPT"]);
  const { status: again } = await ask(Date.parse(body.keptSince) + sizeMs);
  expect(again).toBe(200);
  expect(body.detail).toContain(body.keptSince);
});

test("by day a series has no end", async () => {
  const { status, body } = await series(
    "metric=events&window=day&from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z",
  );
  expect([status, pointsOf(body)]).toEqual([200, [[0, 0]]]);
});

test("an unknown key is answered with those that there are; an account that is not there is 404", async () => {
  const { body } = await series("metric=events&groupBy=nothing");
  expect(body.declaredKeys).toEqual(["source", "type"]);
  expect(await series("metric=events&accountId=nobody", gateway.serviceKey)).toMatchObject({ status: 404 });
});
