import type { FastifyInstance } from "fastify";
import { registerScriptedCheckout } from "./checkout.ts";
import type { Clock } from "../clock/clock.ts";
import type { ParticipantReport, Participants } from "../clock/participants.ts";
import type { Simulation } from "../simulation.ts";
import type { Deliverer } from "../webhooks/deliverer.ts";

export interface SimDeps {
  sim: Simulation;
  clock: Clock;
  participants: Participants;
  deliverer: Deliverer;
  testClockId: string;
  jwks: { keys: unknown[] };
}

const WAIT_MAX_MS = 25_000;

/** Registers what is not Stripe's: clock, participants, keys of the demo issuer. */
export function registerSim(app: FastifyInstance, { sim, clock, participants, jwks }: SimDeps): void {
  registerScriptedCheckout(app, sim);
  app.get<{ Querystring: { version?: string; waitMs?: string } }>("/_sim/clock", async ({ query }) =>
    query.version === undefined
      ? clock.state()
      : clock.changed(Number(query.version), Math.min(Number(query.waitMs ?? WAIT_MAX_MS), WAIT_MAX_MS)),
  );
  app.put<{ Params: { name: string }; Body: string }>(
    "/_sim/clock/participants/:name",
    ({ params, body }, reply) => {
      const report = JSON.parse(body) as ParticipantReport;
      if (!Number.isFinite(report.caughtUpToMs))
        return reply.code(400).send({ error: { message: "caughtUpToMs must be a number" } });
      participants.report(params.name, {
        caughtUpToMs: report.caughtUpToMs,
        nextDueAtMs: report.nextDueAtMs ?? null,
      });
      return reply.send(clock.state());
    },
  );
  app.get("/_sim/clock/participants", () => participants.list());
  app.get("/_sim/jwks.json", () => jwks);
  app.get("/_sim/health", () => ({ status: "ok" }));
}
