import { randomBytes } from "node:crypto";
import type { StripeHint } from "@driftlock/contracts";
import { sql } from "@driftlock/db";
import { createStripe, readWebhook, stripeHintOf } from "@driftlock/stripe";
import { expect, test } from "vitest";
import { applyStripeEventProcessor } from "../src/jobs/apply-stripe-event.ts";
import { log, openWorld } from "./world.ts";

const hint = (over: Partial<StripeHint> = {}): StripeHint => ({
  eventId: `evt_${randomBytes(6).toString("hex")}`,
  kind: "snapshot",
  type: "customer.subscription.updated",
  apiVersion: "2026-10-28.endive",
  objectType: "subscription",
  objectId: "sub_1",
  customerId: "cus_1",
  isLive: false,
  ...over,
});

/** The world, and the job run by hand, so that each of its effects can be seen. */
async function openApply() {
  const world = await openWorld();
  const job = applyStripeEventProcessor({ ...world, log, isLive: false });
  const apply = (given: StripeHint) =>
    job.run(given, { log, signal: world.life.signal, attempt: 1, requestId: undefined });
  const events = () => world.rows(sql`select event_id, outcome, reason from stripe_events order by event_id`);
  const objects = () =>
    world.rows(sql`select object_id, object_type, generation from stripe_objects order by object_id`);
  return { ...world, apply, events, objects };
}

test("an event is recorded once, with what it says has changed, whoever repeats it at the same time", async () => {
  const { apply, events, objects, inspector } = await openApply();
  const given = hint();
  await Promise.all(Array.from({ length: 10 }, () => apply(given)));
  expect(await events()).toEqual([{ event_id: given.eventId, outcome: "applied", reason: null }]);
  expect(await objects()).toEqual([{ object_id: "sub_1", object_type: "subscription", generation: 1 }]);
  // Ten times the same job is one job: it is added for repeats too, since the first run may have died before it.
  expect(await inspector.pendingCount()).toBe(1);
  await apply(hint());
  expect(await objects()).toMatchObject([{ generation: 2 }]);
});

test("events that come together are one transaction: each recorded, each object marked once, with the customer known", async () => {
  const { apply, events, objects, inspector, rows } = await openApply();
  const sent = Array.from({ length: 40 }, (_, n) =>
    hint({ objectId: `sub_${n % 4}`, customerId: n < 4 ? "cus_1" : null }),
  );
  await Promise.all([...sent, sent[0]!].map(apply));
  expect(await events()).toHaveLength(40);
  expect(await objects()).toEqual(
    [0, 1, 2, 3].map((n) => ({ object_id: `sub_${n}`, object_type: "subscription", generation: 1 })),
  );
  expect(await rows(sql`select distinct stripe_customer_id as id from stripe_objects`)).toEqual([
    { id: "cus_1" },
  ]);
  expect(await inspector.pendingCount()).toBe(4);
});

test("an event that cannot be recorded fails alone, whatever comes with it", async () => {
  const { apply, events } = await openApply();
  const sent = Array.from({ length: 20 }, (_, n) => hint(n === 7 ? { type: "price.\0updated" } : {}));
  const outcomes = await Promise.allSettled(sent.map(apply));
  expect(outcomes.flatMap(({ status }, n) => (status === "rejected" ? [n] : []))).toEqual([7]);
  expect(await events()).toHaveLength(19);
});

test("an event whose effect fails is not recorded: when it comes again it is new", async () => {
  const { apply, events, objects } = await openApply();
  const given = hint({ customerId: "cus_\0" });
  await expect(apply(given)).rejects.toThrow();
  expect(await events()).toEqual([]);
  await apply({ ...given, customerId: "cus_1" });
  expect(await events()).toHaveLength(1);
  expect(await objects()).toMatchObject([{ object_id: "sub_1", generation: 1 }]);
});

test.each([
  ["another type", { type: "price.updated", objectType: "price", objectId: "price_1" }, "not acted upon"],
  ["live mode", { isLive: true }, "live mode"],
  ["no customer", { type: "payment_method.updated", customerId: null }, "names no object"],
])("an event of %s is recorded as ignored, and nothing is done", async (_name, over, reason) => {
  const { apply, events, objects, inspector } = await openApply();
  await apply(hint(over));
  expect(await events()).toMatchObject([{ outcome: "ignored", reason: expect.stringContaining(reason) }]);
  expect(await objects()).toEqual([]);
  expect(await inspector.pendingCount()).toBe(0);
});

test("every event about a payment method is one about its customer", async () => {
  const { apply, objects } = await openApply();
  const about = { objectType: "payment_method", objectId: "pm_1" };
  for (const type of [
    "payment_method.updated",
    "payment_method.detached",
    "payment_method.automatically_updated",
  ]) {
    await apply(hint({ type, ...about }));
  }
  expect(await objects()).toEqual([{ object_id: "cus_1", object_type: "customer", generation: 3 }]);
  await apply(hint({ type: "payment_method.attached", ...about }));
  expect(await objects()).toMatchObject([
    { object_id: "cus_1", generation: 4 },
    { object_id: "pm_1", generation: 1 },
  ]);
});

test("what Stripe could not count of our reports is set aside, once", async () => {
  const { apply, stripe, simulator, rows } = await openApply();
  const { authentication_token: secretKey } = await stripe.v2.billing.meterEventSession.create();
  await createStripe({
    secretKey,
    apiUrl: simulator.url,
    maxNetworkRetries: 0,
  }).v2.billing.meterEventStream.create({
    events: [
      {
        event_name: "driftlock_events",
        identifier: "report-1",
        payload: { stripe_customer_id: "cus_none", value: "5" },
      },
    ],
  });
  // As the aggregator had sent them, and Stripe had taken them: the named one and a neighbour.
  for (const identifier of ["report-1", "report-2"])
    await rows(sql`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity,
      to_quantity, stripe_customer_id, meter_event_name, event_at, state, created_at, sent_at)
      values (${identifier}::text, 'acme', 'events', now(), ${Number(identifier.at(-1))}::int, 0, 5, 'cus_none',
        'driftlock_events', now(), 'confirmed', now(), now())`);
  const { data: thin } = await stripe.v2.core.events.list({});
  const [event] = thin.map((each) => stripeHintOf(readWebhook(each)));
  if (event === undefined) throw new Error("Stripe reported nothing");
  await Promise.all([apply(event), apply(event)]);
  expect(await rows(sql`select event_id, reason, payload->>'code' as code from usage_quarantine`)).toEqual([
    {
      event_id: "report-1",
      reason: "stripe:meter_event_customer_not_found",
      code: "meter_event_customer_not_found",
    },
  ]);
  // Stripe names samples only: what was sent at that time has to be found in its summaries again.
  expect(
    await rows(
      sql`select identifier, state, compare_at is null as settled, last_error from usage_reports order by 1`,
    ),
  ).toEqual([
    {
      identifier: "report-1",
      state: "failed",
      settled: true,
      last_error: expect.stringMatching(/^meter_event_customer_not_found: /),
    },
    { identifier: "report-2", state: "sent", settled: false, last_error: null },
  ]);
});
