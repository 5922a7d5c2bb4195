import type { FastifyInstance } from "fastify";
import type { BillingSettings } from "../objects.ts";
import type { Simulation } from "../simulation.ts";

const ENDS: BillingSettings["afterLastRetry"][] = ["canceled", "unpaid", "past_due"];

/** Registers `PUT /_sim/billing { afterLastRetry }`, which is a setting of the Dashboard at Stripe and has no API there. */
export function registerBillingSettings(app: FastifyInstance, sim: Simulation): void {
  app.put<{ Body: string }>("/_sim/billing", ({ body }, reply) => {
    const afterLastRetry = ENDS.find((end) => body === JSON.stringify({ afterLastRetry: end }));
    if (afterLastRetry === undefined) {
      return reply
        .code(400)
        .send({ error: { message: `Pass { afterLastRetry }: one of ${ENDS.join(", ")}.` } });
    }
    const settings: BillingSettings = { id: "billing", afterLastRetry };
    sim.transact(null, ({ store }) => store.put("sim.billing_settings", settings));
    return settings;
  });
}
