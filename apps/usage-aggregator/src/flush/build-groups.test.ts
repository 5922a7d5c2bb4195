import type { LiveAggregation } from "@driftlock/contracts";
import { expect, test } from "vitest";
import {
  boundGroups,
  buildGroups,
  foldGroups,
  type GroupedEvent,
  identityOfDay,
  listValuesOfDays,
  valuesADayMax,
} from "./build-groups.ts";

const startMs = Date.UTC(2026, 2, 10, 23, 59);

const eventOf = (
  properties: object | null,
  event: { quantity?: number; atMs?: number; accountId?: string } = {},
): GroupedEvent => ({
  accountId: event.accountId ?? "a",
  metric: "m",
  quantity: event.quantity ?? 1,
  occurredAtMs: event.atMs ?? startMs,
  propertiesJson: properties && JSON.stringify(properties),
});

const declare = (keys: string[], aggregation: LiveAggregation = "sum") =>
  new Map([["m", { metric: "m", aggregation, keys }]]);
const keysOf = (aggregation?: LiveAggregation) => declare(["region", "ok"], aggregation);
const valuesOf = (events: GroupedEvent[], aggregation?: LiveAggregation) =>
  [...buildGroups(events, keysOf(aggregation)).values()]
    .flat()
    .map(({ key, value, quantity, eventCount }) => [key, value, quantity, eventCount]);

test("each scalar is a value of its own, by key, and what is no key costs nothing", () => {
  const events = [
    eventOf({ region: "eu", other: 1 }, { quantity: 2 }),
    eventOf({ region: "eu", ok: true }, { quantity: 3 }),
    eventOf({ region: 1 }),
    eventOf({ region: "1", x: '"ok":' }),
    eventOf({ region: null }),
    eventOf({ other: "eu" }),
    eventOf(null),
  ];
  expect(valuesOf(events)).toEqual([
    ["region", '"eu"', 5, 2],
    ["ok", "true", 3, 1],
    ["region", "1", 1, 1],
    ["region", '"1"', 1, 1],
  ]);
  expect(buildGroups(events, new Map())).toEqual(new Map());
});

test("a property by the name of a prototype's is a property; a value of * is not the others", () => {
  const groups = buildGroups(
    [eventOf(JSON.parse('{"__proto__":"*"}') as object)],
    declare(["__proto__", "toString"]),
  );
  expect(groups.get("sum")).toMatchObject([{ key: "__proto__", value: '"*"' }]);
});

test("what has no value is counted where a difference would not tell it", () => {
  for (const aggregation of ["max", "last"] as const) {
    const events = [eventOf(null, { quantity: 7 }), eventOf({ ok: 1 }, { quantity: 3 })];
    expect(valuesOf(events, aggregation)).toEqual([
      ["region", "null", 7, 2].with(2, aggregation === "max" ? 7 : 3),
      ["ok", "null", 7, 1],
      ["ok", "1", 3, 1],
    ]);
  }
});

test("a value that is too long is one of the others", () => {
  expect(valuesOf([eventOf({ region: "x".repeat(254) }), eventOf({ region: "x".repeat(255) })])).toEqual([
    ["region", `"${"x".repeat(254)}"`, 1, 1],
    ["region", "*", 1, 1],
  ]);
});

test("past a day's bound values are others, first come first served; the next day begins anew", () => {
  const events = ["old", "new-1", "new-2", "new-1"].map((region) => eventOf({ region }));
  events.push(
    eventOf({ region: "new-2" }, { atMs: startMs + 60_000 }),
    eventOf({ region: "new-2" }, { accountId: "b" }),
  );
  const groups = buildGroups(events, keysOf());
  const values = listValuesOfDays(groups);
  expect(values.map(({ value }) => value)).toEqual(['"old"', '"new-1"', '"new-2"', '"new-2"', '"new-2"']);
  const unknown = values.slice(1);
  const [first] = unknown;
  const countOf = new Map([[identityOfDay(first!), valuesADayMax - 1]]);
  const deltas = boundGroups(groups, unknown, countOf).get("sum") ?? [];
  expect(
    deltas.map(({ accountId, value, quantity, atMs }) => [accountId, value, quantity, atMs - startMs]),
  ).toEqual([
    ["a", '"old"', 1, 0],
    ["a", '"new-1"', 2, 0],
    ["a", "*", 1, 0],
    ["a", '"new-2"', 1, 60_000],
    ["b", '"new-2"', 1, 0],
  ]);
});

test.each([
  ["sum", 12, 3],
  ["count", 3, 3],
  ["max", 6, 3],
  ["last", 4, 3],
] as const)("minutes fold into their hour by %s", (aggregation, quantity, eventCount) => {
  const hourMs = startMs - 59 * 60_000;
  const events = [
    eventOf({ region: "eu" }, { quantity: 4, atMs: startMs + 1 }),
    eventOf({ region: "eu" }, { quantity: 2, atMs: startMs }),
    eventOf({ region: "eu" }, { quantity: 6, atMs: hourMs }),
    eventOf({ region: "eu" }, { quantity: 9, atMs: startMs + 60_000 }),
  ];
  const minutes = (buildGroups(events, keysOf(aggregation)).get(aggregation) ?? []).filter(
    ({ key }) => key === "region",
  );
  const hours = foldGroups(aggregation, minutes, 60);
  expect(hours).toHaveLength(2);
  expect(hours[0]).toMatchObject({ atMs: hourMs, quantity, eventCount });
  expect(foldGroups(aggregation, minutes, 1_440)[0]?.atMs).toBe(Date.UTC(2026, 2, 10));
});
