import Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld("2026-07-01T00:00:00Z");
});
afterAll(() => world.close());

const DAY = 86_400;

async function total(customer: string, meter = world.catalog.meter.id): Promise<number> {
  const end_time = Math.ceil((await world.now()) / 60) * 60 + 600;
  const summaries = await world.stripe.billing.meters.listEventSummaries(meter, {
    customer,
    start_time: end_time - 30 * DAY,
    end_time,
  });
  return summaries.data[0]?.aggregated_value ?? Number.NaN;
}

test("an identifier counts once within a day, and is forgotten after it", async () => {
  const { id } = await world.customer();
  const identifier = `events.${id}.1`;
  await world.use(id, 5, { identifier });
  const again = world.use(id, 5, { identifier });
  await expect(again).rejects.toMatchObject({
    statusCode: 400,
    message: `An event already exists with identifier ${identifier}.`,
  });
  await world.travel({ hours: 23, minutes: 50 });
  await expect(world.use(id, 5, { identifier })).rejects.toThrow("already exists");
  expect(await total(id)).toBe(5);
  await world.travel({ hours: 1 });
  await world.use(id, 5, { identifier });
  expect(await total(id)).toBe(10);
});

test.each([
  ["timestamp_too_far_in_past", { timestamp: -35 * DAY - 60 }],
  ["timestamp_in_future", { timestamp: 400 }],
  ["meter_event_invalid_value", { value: "many" }],
  ["meter_event_value_too_many_digits", { value: "1234567890123456" }],
  ["meter_event_customer_not_found", { customer: "cus_nobody" }],
  ["meter_event_no_customer_defined", { customer: "" }],
  ["no_meter", { event_name: "nothing" }],
])(
  "%s is refused with its code",
  async (code, {
    timestamp = 0,
    value = "1",
    customer,
    event_name = "events",
  }: Record<string, never> | Record<string, string | number>) => {
    const { id } = await world.customer();
    const event = world.stripe.billing.meterEvents.create({
      event_name: String(event_name),
      payload: {
        value: String(value),
        ...(customer === "" ? {} : { stripe_customer_id: String(customer ?? id) }),
      },
      timestamp: (await world.now()) + Number(timestamp),
    });
    await expect(event).rejects.toMatchObject({ statusCode: 400, code });
  },
);

test("35 days back and 5 minutes ahead are still taken, as are 15 digits", async () => {
  const { id } = await world.customer();
  const now = await world.now();
  await world.use(id, 1, { timestamp: now - 35 * DAY + 60 });
  await world.use(id, 1, { timestamp: now + 290 });
  await world.use(id, "999999999999997");
  expect(await total(id)).toBe(999_999_999_999_998);
});

test("an adjustment takes an event back within a day", async () => {
  const { id } = await world.customer();
  await world.use(id, 7, { identifier: "wrong" });
  const cancel = () =>
    world.stripe.billing.meterEventAdjustments.create({
      event_name: "events",
      type: "cancel",
      cancel: { identifier: "wrong" },
    });
  expect(await cancel()).toMatchObject({ status: "pending", cancel: { identifier: "wrong" } });
  expect(await total(id)).toBe(0);
  await expect(cancel()).rejects.toThrow("already cancelled");
});

test("summaries group by hour and day, and their instants are aligned", async () => {
  const { id } = await world.customer();
  const { meter } = world.catalog;
  const day = Math.floor((await world.now()) / DAY) * DAY - DAY;
  await world.use(id, 3, { timestamp: day + 60 });
  await world.use(id, 4, { timestamp: day + 3_600 });
  await world.use(id, 5, { timestamp: day + 3_661 });
  const list = (over: object) =>
    world.stripe.billing.meters.listEventSummaries(meter.id, {
      customer: id,
      start_time: day,
      end_time: day + DAY,
      ...over,
    });
  expect(
    (await list({ value_grouping_window: "hour" })).data.map((each) => [
      each.start_time - day,
      each.aggregated_value,
    ]),
  ).toEqual([
    [3_600, 9],
    [0, 3],
  ]);
  expect((await list({ value_grouping_window: "day" })).data.map((each) => each.aggregated_value)).toEqual([
    12,
  ]);
  expect((await list({ end_time: day + 3_600 })).data.map((each) => each.aggregated_value)).toEqual([3]);
  await expect(list({ start_time: day + 1 })).rejects.toMatchObject({ param: "start_time" });
  await expect(list({ end_time: day + 60, value_grouping_window: "hour" })).rejects.toMatchObject({
    param: "end_time",
  });
});

test("count, last and pre-aggregated meters follow their formula", async () => {
  const { id } = await world.customer();
  const meter = (event_name: string, formula: "count" | "last" | "sum", window?: "hour") =>
    world.stripe.billing.meters.create({
      display_name: event_name,
      event_name,
      default_aggregation: { formula },
      ...(window === undefined ? {} : { event_time_window: window }),
    });
  const meters = [
    await meter("calls", "count"),
    await meter("level", "last"),
    await meter("hourly", "sum", "hour"),
  ];
  const hour = Math.floor((await world.now()) / 3_600) * 3_600 - 3_600;
  for (const { event_name } of meters) {
    for (const [value, timestamp] of [
      [2, hour + 20],
      [9, hour + 30],
      [4, hour + 10],
      [1, hour - 3_000],
    ] as const) {
      const payload = { stripe_customer_id: id, value: String(value) };
      await world.stripe.billing.meterEvents.create({ event_name, payload, timestamp });
    }
  }
  expect(await Promise.all(meters.map((each) => total(id, each.id)))).toEqual([4, 9, 10]);
});

test("an inactive meter takes nothing, and its name is free again", async () => {
  const { stripe } = world;
  const definition = {
    display_name: "Old",
    event_name: "old",
    default_aggregation: { formula: "sum" as const },
  };
  const { id } = await world.customer();
  const meter = await stripe.billing.meters.create(definition);
  await expect(stripe.billing.meters.create(definition)).rejects.toMatchObject({
    code: "resource_already_exists",
  });
  expect((await stripe.billing.meters.deactivate(meter.id)).status).toBe("inactive");
  const event = { event_name: "old", payload: { stripe_customer_id: id, value: "1" } };
  await expect(stripe.billing.meterEvents.create(event)).rejects.toMatchObject({ code: "archived_meter" });
  expect((await stripe.billing.meters.list({ status: "inactive" })).data.map((each) => each.id)).toEqual([
    meter.id,
  ]);
  expect((await stripe.billing.meters.reactivate(meter.id)).status).toBe("active");
});

test("version 2 takes events one by one, and by the stream, which reports what was wrong afterwards", async () => {
  const { stripe, simulator } = world;
  const { id } = await world.customer();
  const payload = { stripe_customer_id: id, value: "10" };
  const single = await stripe.v2.billing.meterEvents.create({
    event_name: "events",
    payload,
    identifier: `v2.${id}`,
  });
  expect(single).toMatchObject({ object: "v2.billing.meter_event", identifier: `v2.${id}` });

  const session = await stripe.v2.billing.meterEventSession.create();
  const stream = new Stripe(session.authentication_token, {
    host: "127.0.0.1",
    port: simulator.port,
    protocol: "http",
    telemetry: false,
  });
  await stream.v2.billing.meterEventStream.create({
    events: [
      { event_name: "events", payload, identifier: `v2.${id}` },
      { event_name: "events", payload, identifier: `v2.${id}.2` },
      { event_name: "events", payload: { ...payload, value: "x" }, identifier: `v2.${id}.3` },
      { event_name: "unheard", payload },
    ],
  });
  expect(await total(id)).toBe(20);
  const told = await stripe.v2.core.events.list({ limit: 10 });
  const types = told.data.map((event) => event.type);
  expect(types).toContain("v1.billing.meter.error_report_triggered");
  expect(types).toContain("v1.billing.meter.no_meter_found");
  const report = told.data.find((event) => event.type === "v1.billing.meter.error_report_triggered");
  expect(report).toMatchObject({
    data: {
      reason: { error_count: 1, error_types: [{ code: "meter_event_invalid_value", error_count: 1 }] },
    },
    related_object: { id: world.catalog.meter.id },
  });
});
