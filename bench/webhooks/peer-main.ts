// The peer, a process of its own: @supabase/stripe-sync-engine verifies and applies the same events, each as it is.
import { createRequire } from "node:module";
import type * as SyncEngine from "@supabase/stripe-sync-engine";
import { type Delivery, type Deliveries, makeDeliveries } from "./make-deliveries.ts";

export interface PeerTask {
  databaseUrl: string;
  /** Events at a time. */
  inFlight: number;
  deliveries: Deliveries;
}

export interface PeerReport {
  seconds: number;
  failures: string[];
}

const SCHEMA = "stripe";
// Its ES modules find no migrations and say nothing of it.
const { StripeSync, runMigrations } = createRequire(import.meta.url)(
  "@supabase/stripe-sync-engine",
) as typeof SyncEngine;

async function run({ databaseUrl, inFlight, deliveries }: PeerTask): Promise<PeerReport> {
  await runMigrations({ databaseUrl, schema: SCHEMA });
  const sync = new StripeSync({
    poolConfig: { connectionString: databaseUrl, max: inFlight },
    schema: SCHEMA,
    stripeSecretKey: "sk_test_unused",
    stripeWebhookSecret: deliveries.secret,
    // What it does is taken at its fastest: no call to Stripe.
    backfillRelatedEntities: false,
    autoExpandLists: false,
  });
  const events: Delivery[] = [...makeDeliveries(deliveries)];
  const failures: string[] = [];
  const startedAtMs = performance.now();
  let next = 0;
  const work = async () => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) {
      await sync
        .processWebhook(event.body, event.signature)
        .catch((error: unknown) => void failures.push(String(error)));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return { seconds: (performance.now() - startedAtMs) / 1_000, failures };
}

for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {}); // our parent stops us
process.on("disconnect", () => process.exit(0));
process.on("message", (task: PeerTask) => {
  void run(task).then((report) => process.send?.(report));
});
