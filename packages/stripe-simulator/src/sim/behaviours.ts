import type { FastifyInstance } from "fastify";
import { behavioursOf, defaultBehaviours } from "../behaviours.ts";
import type { Behaviours } from "../objects.ts";
import type { Simulation } from "../simulation.ts";

const isOneOf =
  (...choices: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === "string" && choices.includes(value);
const isLimit = (value: unknown): boolean => value === null || (Number.isInteger(value) && Number(value) > 0);

const checks: Record<Exclude<keyof Behaviours, "id">, (value: unknown) => boolean> = {
  draftUsage: isOneOf("until-finalization", "as-drafted"),
  idempotencyKeyHours: isLimit,
  itemsOfOneMeter: isOneOf("each-bills-all", "refused"),
  callsPerSecondOfEndpoint: isLimit,
  callsPerSecond: isLimit,
};

/** Registers `/_sim/behaviours`: GET tells, POST changes what it names, DELETE goes back to what is taken for likely. */
export function registerBehaviours(app: FastifyInstance, sim: Simulation): void {
  app.get("/_sim/behaviours", () => behavioursOf(sim.store));
  app.post<{ Body: string }>("/_sim/behaviours", ({ body }, reply) => {
    const choice = readChoice(body);
    if (choice === null)
      return reply
        .code(400)
        .send({ error: { message: `Pass some of ${JSON.stringify(defaultBehaviours)}, without the id.` } });
    const behaviours: Behaviours = { ...behavioursOf(sim.store), ...choice };
    sim.transact(null, ({ store }) => store.put("sim.behaviours", behaviours));
    return behaviours;
  });
  app.delete("/_sim/behaviours", (_request, reply) => {
    sim.transact(null, ({ store }) => store.delete("sim.behaviours", "behaviours"));
    return reply.code(204).send();
  });
}

function readChoice(body: string): Partial<Omit<Behaviours, "id">> | null {
  try {
    const given = JSON.parse(body) as Record<string, unknown>;
    const isSound = Object.entries(given).every(
      ([name, value]) => name in checks && checks[name as keyof typeof checks](value),
    );
    return isSound && Object.keys(given).length > 0 ? given : null;
  } catch {
    return null;
  }
}
