import type { Fault } from "./faults.ts";

const worker = "apps/billing-worker/src/";
const queries = "packages/db/src/queries/";
const syncTests = "apps/billing-worker/test/sync-object.test.ts";
const integration = "integration" as const;

/**
 * The faults of H7 to H14: caught by a short run of `npm run converge` with this seed, or by the test of the place. The
 * course of seed 959 is 79 days long: most of its customers renew twice.
 */
export const convergeFaults: readonly Fault[] = [
  {
    name: "an event is recorded before its effect",
    file: `${worker}stripe-events/apply-hints.ts`,
    code: `  const recorded = await deps.db.transaction(async (tx) => {
    const events = read.map(({ hint, reason }) => ({
      ...hint,
      outcome: reason === null ? ("applied" as const) : ("ignored" as const),
      reason,
    }));
    const isNew = new Set(await stripeEvents.insertManyStripeEvents(tx, events, now));`,
    fault: `  const events = read.map(({ hint, reason }) => ({
    ...hint,
    outcome: reason === null ? ("applied" as const) : ("ignored" as const),
    reason,
  }));
  const isNew = new Set(
    await deps.db.transaction((tx) => stripeEvents.insertManyStripeEvents(tx, events, now)),
  );
  const recorded = await deps.db.transaction(async (tx) => {`,
    project: integration,
    test: "apps/billing-worker/test/apply-stripe-event.test.ts",
    title: "an event whose effect fails",
  },
  {
    name: "hints are ordered by the second of their time",
    file: `${queries}stripe-objects.ts`,
    code: `order by given.object_id collate "C"
    on conflict (object_id) do update set generation = stripe_objects.generation + 1,`,
    fault: `order by given.object_id collate "C"
    on conflict (object_id) do update set generation = stripe_objects.generation
      + (date_trunc('second', excluded.marked_at) > date_trunc('second', stripe_objects.marked_at))::int,`,
    project: integration,
    test: "apps/billing-worker/test/apply-stripe-event.test.ts",
  },
  {
    name: "the plan is that of the last event",
    file: `${queries}usage-periods-write.ts`,
    code: "    where s.account_id = ${accountId}::text`",
    fault: `    where s.account_id = \${accountId}::text and s.fetch_sequence =
      (select max(fetch_sequence) from user_subscriptions where account_id = s.account_id)\``,
    converge: { seed: 959, histories: 30 },
  },
  {
    name: "a quota is reset by the webhook",
    file: `${worker}sync/apply-invoice-row.ts`,
    code: "  await openPeriodClose(tx, { invoice, now });",
    fault: `  await openPeriodClose(tx, { invoice, now });
  if (invoice.billingReason === "subscription_cycle") {
    const { insertNotice } = await import("../notices/insert-notice.ts");
    const { accountId, fetchSequence, periodEnd } = invoice;
    const data = { period: { start: periodEnd.toISOString() } };
    await insertNotice(tx, { accountId, type: "period.reset", dedupeKey: \`reset.\${fetchSequence}\`, data, now });
  }`,
    converge: { seed: 959, histories: 20 },
  },
  {
    name: "an error while an object is applied is swallowed",
    file: `${worker}sync/sync-object.ts`,
    code: "const result = await fetched.apply(tx, context);",
    fault: `const result = await fetched
      .apply(tx, context)
      .catch((): ApplyOutcome => ({ outcome: "ignored", reason: "it failed" }));`,
    project: integration,
    test: syncTests,
  },
  {
    name: "nobody looks for events that never came",
    file: `${worker}jobs/sweep-stripe-events.ts`,
    code: "const missedCount = await sweepEvents(deps, signal);",
    fault: "const missedCount = signal.aborted ? 1 : 0;",
    converge: { seed: 959, histories: 20 },
  },
  {
    name: "a hint that came during the fetch is forgotten",
    file: `${queries}stripe-objects.ts`,
    code: "synced_generation = greatest(synced_generation, ${synced.generation}::bigint),",
    fault: "synced_generation = generation,",
    project: integration,
    test: syncTests,
  },
  // Each of the two is enough for the end to be right, so that no history tells when one of them is missing.
  {
    name: "the lease is not checked at the commit",
    file: `${queries}stripe-customer-leases.ts`,
    code: "and fence = ${lease.fence}::bigint for share`",
    fault: "and (fence = ${lease.fence}::bigint or true) for share`",
    project: integration,
    test: syncTests,
  },
  {
    name: "the fetch sequence is not checked at the commit",
    file: `${queries}stripe-objects.ts`,
    code: "and fetch_sequence < ${synced.fetchSequence}::bigint`",
    fault: "and (fetch_sequence < ${synced.fetchSequence}::bigint or true)`",
    project: integration,
    test: syncTests,
  },
];
