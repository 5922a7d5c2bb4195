import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import type { ObjectOf } from "../objects.ts";

const INTERVAL_DAYS: Record<string, number> = { day: 1, week: 7, month: 31, year: 366 };
const DAY_SECONDS = 86_400;

type TestClock = ObjectOf<"test_helpers.test_clock">;

/** A test clock shows the one simulated clock, which ticks: its `frozen_time` is now. */
const show = (ctx: SimContext, clock: TestClock): TestClock => ({ ...clock, frozen_time: ctx.now() });

/** Makes a test clock; all of them share the one offset, so `frozen_time` may only be now or ahead. */
export function createTestClock(ctx: SimContext, name: string | null): TestClock {
  const clock: TestClock = {
    id: ctx.newId("clock"),
    object: "test_helpers.test_clock",
    created: ctx.now(),
    deletes_after: ctx.now() + 30 * DAY_SECONDS,
    frozen_time: ctx.now(),
    livemode: false,
    name,
    status: "ready",
    status_details: {},
  };
  ctx.store.put("test_helpers.test_clock", clock);
  ctx.emit("test_helpers.test_clock.created", clock);
  return clock;
}

/** Sends the one clock on its way to `frozenTime` (unix seconds); a 400 says why it cannot go there. */
export function advanceClock(ctx: SimContext, clock: TestClock, frozenTime: number): TestClock {
  const record = ctx.store.getOrThrow("sim.clock", "clock");
  if (record.targetMs !== null)
    throw invalidRequest("Test clock is advancing. Wait until its status is `ready`.");
  if (frozenTime <= ctx.now())
    throw invalidRequest(`The frozen_time must be after the clock's present time ${ctx.now()}.`, {
      param: "frozen_time",
    });
  const limit = ctx.now() + furthestSeconds(ctx);
  if (frozenTime > limit)
    throw invalidRequest(
      `A test clock can be advanced at most two intervals of the shortest subscription: until ${limit}.`,
      { param: "frozen_time" },
    );
  ctx.store.put("sim.clock", { ...record, targetMs: frozenTime * 1000, version: record.version + 1 });
  const advancing = ctx.store.update("test_helpers.test_clock", clock.id, {
    status: "advancing",
    frozen_time: ctx.now(),
    status_details: { advancing: { target_frozen_time: frozenTime } },
  });
  ctx.emit("test_helpers.test_clock.advancing", advancing);
  return advancing;
}

function furthestSeconds(ctx: SimContext): number {
  const live = ctx.store
    .list("subscription")
    .filter(({ status }) => status !== "canceled" && status !== "incomplete_expired");
  const days = live.flatMap(({ items }) =>
    items.data.map(
      ({ price }) =>
        (INTERVAL_DAYS[price.recurring?.interval ?? "year"] ?? 366) * (price.recurring?.interval_count ?? 1),
    ),
  );
  return 2 * DAY_SECONDS * (days.length === 0 ? 366 : Math.min(...days));
}

export const testClockRoutes: Route[] = [
  route<Stripe.TestHelpers.TestClockCreateParams>(
    "POST",
    "/v1/test_helpers/test_clocks",
    { params: "TestHelpers.TestClockCreateParams", response: "TestHelpers.TestClock" },
    (ctx, { params }) => createTestClock(ctx, params.name ?? null),
  ),
  route("GET", "/v1/test_helpers/test_clocks/:id", { response: "TestHelpers.TestClock" }, (ctx, { path }) =>
    show(ctx, ctx.store.getOrThrow("test_helpers.test_clock", path["id"] ?? "")),
  ),
  listRoute(
    "/v1/test_helpers/test_clocks",
    { params: "TestHelpers.TestClockListParams", response: "TestHelpers.TestClock" },
    (ctx) =>
      ctx.store
        .list("test_helpers.test_clock")
        .toReversed()
        .map((clock) => show(ctx, clock)),
  ),
  route<Stripe.TestHelpers.TestClockAdvanceParams>(
    "POST",
    "/v1/test_helpers/test_clocks/:id/advance",
    { params: "TestHelpers.TestClockAdvanceParams", response: "TestHelpers.TestClock" },
    (ctx, { params, path }) =>
      advanceClock(
        ctx,
        ctx.store.getOrThrow("test_helpers.test_clock", path["id"] ?? ""),
        params.frozen_time,
      ),
  ),
];
