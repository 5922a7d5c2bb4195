import { createSharedTokenBuckets, partitionOf } from "@driftlock/redis";
import { afterAll, beforeAll } from "vitest";
import { freezeWindows } from "../src/reports/freeze-windows.ts";
import { createSendReports } from "../src/reports/send-reports.ts";
import { createStripeMeterSink, type UsageSink } from "../src/reports/usage-sink.ts";
import { startMeterStripe } from "./meter-stripe.ts";
import { eventOf, newAccountId, now, openWorld, partitions } from "./world.ts";

/** A world whose `events` are reported to a meter of the simulator that sums up; closed after the tests of the file. */
export async function openReportWorld() {
  const world = await openWorld();
  const { db, resources, query } = world;
  const { simulator, stripe, meterId, eventName } = await startMeterStripe({
    formula: "sum",
    wallNow: () => now,
  });
  const sink = createStripeMeterSink(stripe);

  beforeAll(
    () =>
      query`update metrics set stripe_meter_id = ${meterId}, stripe_meter_event_name = ${eventName} where metric = 'events'`,
  );
  afterAll(async () => {
    await simulator.close();
    await world.close();
  });

  /** An account on Pro with its customer at Stripe. */
  async function subscribe() {
    const accountId = newAccountId();
    await world.openAccount(accountId, "pro");
    const customer = await stripe.customers.create({ metadata: { account_id: accountId } });
    await query`update accounts set stripe_customer_id = ${customer.id} where account_id = ${accountId}`;
    return { accountId, customerId: customer.id };
  }

  let sent = 0;
  async function use(accountId: string, quantity: number) {
    const partition = partitionOf(accountId, partitions);
    await world.accept([eventOf(accountId, `u${++sent}`, { quantity })]);
    await world.commit(partition);
  }

  const freeze = () => freezeWindows(resources);

  /** A sender that has just started. */
  const send = (through: UsageSink = sink) => {
    const calls = createSharedTokenBuckets({ redis: world.redis, ratePerSecond: 1_000, burst: 1_000 });
    return createSendReports({ ...resources, sink: through, calls, callsPerSecond: 1_000 })();
  };

  const inTime = (minutes: number) => ({ now: () => new Date(now.getTime() + minutes * 60_000) });

  /** Wall time passes: leases of dead senders end, and backoffs are over. */
  const letLeasesEnd = () => query`update usage_reports set next_attempt_at = '-infinity'`;

  const minuteMs = 60_000;
  const thisMinuteMs = Math.floor(now.getTime() / minuteMs) * minuteMs;
  /** All that Stripe has summed up for a customer. */
  const atStripe = (customerId: string): Promise<number> =>
    sink.total({
      stripeMeterId: meterId,
      stripeCustomerId: customerId,
      from: new Date(thisMinuteMs - 30 * 24 * 60 * minuteMs),
      until: new Date(thisMinuteMs + minuteMs),
    });

  const states = (accountId: string) =>
    query<{
      state: string;
    }>`select from_quantity, to_quantity, state from usage_reports where account_id = ${accountId} order by window_no`;

  return {
    ...{ world, db, resources, query, sink, stripe, meterId, eventName },
    ...{ subscribe, use, freeze, send, inTime, letLeasesEnd, atStripe, states },
  };
}
