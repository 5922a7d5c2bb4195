import type { FastifyInstance } from "fastify";
import type { FaultRecord } from "../objects.ts";
import type { Simulation } from "../simulation.ts";
import { newFault } from "./faults.ts";

type Part = Partial<FaultRecord> & Pick<FaultRecord, "kind">;

/** Bad days of Stripe by their names; each lasts until it is removed. */
const scenarios: Readonly<Record<string, readonly Part[]>> = {
  // Nothing is answered but 500, and nothing happens.
  "stripe-outage": [
    { kind: "server-error", pathPrefix: "/v1/" },
    { kind: "server-error", pathPrefix: "/v2/" },
  ],
  slow: [{ kind: "slow", delayMs: 1_000 }],
  // Some calls fail without an effect, each in its own way.
  flaky: [
    { kind: "server-error", every: 5 },
    { kind: "rate-limit", every: 7, reason: "endpoint-rate" },
    { kind: "lock-timeout", every: 11, method: "POST" },
    { kind: "time-out", every: 13, delayMs: 50 },
  ],
  // What was asked is done, and nobody hears of it.
  "lost-answers": [
    { kind: "server-error", every: 3, method: "POST", afterEffect: true },
    { kind: "time-out", every: 4, method: "POST", afterEffect: true, delayMs: 50 },
  ],
  "webhook-chaos": [
    { kind: "drop-webhook", every: 5 },
    { kind: "duplicate-webhook", every: 3 },
    { kind: "delay-webhook", every: 4, delayMs: 60_000 },
    { kind: "reorder-webhooks", delayMs: 2_000 },
  ],
};

/** Registers `/_sim/scenarios`: GET lists them, POST `{ name }` begins one (again is once), DELETE ends one or all. */
export function registerScenarios(app: FastifyInstance, sim: Simulation): void {
  const end = (name: string | null): void =>
    sim.transact(null, ({ store }) => {
      for (const { id, scenario } of store.list("sim.fault"))
        if (scenario !== null && (name === null || scenario === name)) store.delete("sim.fault", id);
    });

  app.get("/_sim/scenarios", () => {
    const running = new Set(sim.store.list("sim.fault").map(({ scenario }) => scenario));
    return { data: Object.keys(scenarios).map((name) => ({ name, isRunning: running.has(name) })) };
  });
  app.post<{ Body: string }>("/_sim/scenarios", ({ body }, reply) => {
    const name = readName(body);
    const parts = name === null ? undefined : scenarios[name];
    if (name === null || parts === undefined)
      return reply
        .code(400)
        .send({ error: { message: `Pass { name }: one of ${Object.keys(scenarios).join(", ")}.` } });
    end(name);
    const faults = parts.map((part) => newFault({ ...part, scenario: name }));
    sim.transact(null, ({ store }) => {
      for (const fault of faults) store.put("sim.fault", fault);
    });
    return reply.code(201).send({ name, faults });
  });
  app.delete("/_sim/scenarios", (_request, reply) => {
    end(null);
    return reply.code(204).send();
  });
  app.delete<{ Params: { name: string } }>("/_sim/scenarios/:name", ({ params }, reply) => {
    end(params.name);
    return reply.code(204).send();
  });
}

function readName(body: string): string | null {
  try {
    const { name } = JSON.parse(body) as { name?: unknown };
    return typeof name === "string" ? name : null;
  } catch {
    return null;
  }
}
