import { createLogger } from "@driftlock/runtime";
import { createStripe } from "@driftlock/stripe";
import { startSimulator } from "@driftlock/stripe-simulator";

const eventName = "driftlock_events";

/** A Stripe with the meter of `events`, whose client repeats nothing by itself. */
export async function startMeterStripe(options: { formula: "sum" | "last"; wallNow: () => Date }) {
  const { formula, wallNow } = options;
  const simulator = await startSimulator({
    port: 0,
    host: "127.0.0.1",
    statePath: null,
    log: createLogger({ name: "simulator", level: "silent" }),
    wallNow,
  });
  const stripe = createStripe({ secretKey: "sk_test_meter", apiUrl: simulator.url, maxNetworkRetries: 0 });
  const { id: meterId } = await stripe.billing.meters.create({
    display_name: "Events",
    event_name: eventName,
    default_aggregation: { formula },
  });
  return { simulator, stripe, meterId, eventName };
}
