import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../clock/clock.ts";
import type { Participants } from "../clock/participants.ts";
import { registerChallengePage } from "../pages/challenge.ts";
import { registerCheckoutPage } from "../pages/checkout.ts";
import { registerDashboard } from "../pages/dashboard.ts";
import { registerInvoicePage } from "../pages/invoice.ts";
import { registerPortalPage } from "../pages/portal.ts";
import type { Simulation } from "../simulation.ts";
import type { Deliverer } from "../webhooks/deliverer.ts";
import { registerBanks } from "./banks.ts";
import { registerBehaviours } from "./behaviours.ts";
import { registerBillingSettings } from "./billing-settings.ts";
import { registerScriptedCheckout } from "./checkout.ts";
import { registerClock } from "./clock.ts";
import { registerDeliveries } from "./deliveries.ts";
import { registerFaults } from "./faults.ts";
import { registerScenarios } from "./scenarios.ts";
import { registerTokens } from "./tokens.ts";

export interface SimDeps {
  sim: Simulation;
  clock: Clock;
  participants: Participants;
  deliverer: Deliverer;
  testClockId: string;
  jwks: { keys: unknown[] };
}

const stripeJs = readFileSync(new URL("../../assets/stripe.js", import.meta.url), "utf8");

/** Registers everything that is not Stripe's API: pages, the clock for our processes, faults, keys, window.Stripe. */
export function registerSim(app: FastifyInstance, deps: SimDeps): void {
  const { sim } = deps;
  app.addHook("onRequest", (request, reply, done) => {
    void reply.header("access-control-allow-origin", "*");
    if (request.method !== "OPTIONS") return done();
    const headers = request.headers["access-control-request-headers"] ?? "authorization, content-type";
    return void reply
      .code(204)
      .headers({
        "access-control-allow-headers": headers,
        "access-control-allow-methods": "GET, POST, DELETE",
      })
      .send();
  });
  registerCheckoutPage(app, sim);
  registerChallengePage(app, sim);
  registerPortalPage(app, sim);
  registerInvoicePage(app, sim);
  registerDashboard(app, deps);
  registerScriptedCheckout(app, sim);
  registerClock(app, deps);
  registerDeliveries(app, deps);
  registerFaults(app, sim);
  registerScenarios(app, sim);
  registerBehaviours(app, sim);
  registerBanks(app, sim);
  registerBillingSettings(app, sim);
  app.get("/_sim/stripe.js", (_request, reply) =>
    reply.type("text/javascript; charset=utf-8").send(stripeJs),
  );
  // Whoever gave us keys signs people in by himself.
  const jwks = deps.jwks.keys.length > 0 ? deps.jwks : { keys: [registerTokens(app, sim)] };
  app.get("/_sim/jwks.json", () => jwks);
  app.get("/_sim/health", () => ({ status: "ok" }));
}
