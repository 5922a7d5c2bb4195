import type { FastifyInstance } from "fastify";
import { defaultBillingSettings } from "../billing/billing-settings.ts";
import type { BillingSettings } from "../objects.ts";
import type { Simulation } from "../simulation.ts";

type Choice = Partial<Omit<BillingSettings, "id">>;

const choices: { [Setting in keyof Choice]-?: readonly BillingSettings[Setting][] } = {
  afterLastRetry: ["canceled", "unpaid", "past_due"],
  retryAfterTakeOver: ["never", "once"],
};

/** Registers `PUT /_sim/billing`: settings of Stripe's Dashboard, which have no API there, and what is not established. */
export function registerBillingSettings(app: FastifyInstance, sim: Simulation): void {
  app.put<{ Body: string }>("/_sim/billing", ({ body }, reply) => {
    const choice = readChoice(body);
    if (choice === null) {
      const known = Object.entries(choices).map(([name, values]) => `${name}: ${values.join(" | ")}`);
      return reply
        .code(400)
        .send({ error: { message: `Pass { ${known.join(", ")} }, at least one of them.` } });
    }
    return sim.transact(null, ({ store }) => {
      const settings = {
        ...defaultBillingSettings,
        ...store.get("sim.billing_settings", "billing"),
        ...choice,
      };
      store.put("sim.billing_settings", settings);
      return settings;
    });
  });
}

function readChoice(body: string): Choice | null {
  try {
    const given = Object.entries(JSON.parse(body) as Record<string, string>);
    const isKnown = ([name, value]: [string, string]) =>
      (choices as Record<string, readonly string[]>)[name]?.includes(value) === true;
    return given.length > 0 && given.every(isKnown) ? (Object.fromEntries(given) as Choice) : null;
  } catch {
    return null;
  }
}
