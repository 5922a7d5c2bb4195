import type { FastifyInstance } from "fastify";
import { rollSecret } from "../routes/webhook-endpoints.ts";
import type { SimDeps } from "./routes.ts";

const OLD_SECRET_LIVES_MS = 24 * 3600 * 1000;
const LIST_MAX = 500;

/** Registers the delivery log, `resend`, and the roll of an endpoint's secret (the old one signs on for 24 h). */
export function registerDeliveries(
  app: FastifyInstance,
  { sim, deliverer }: Pick<SimDeps, "sim" | "deliverer">,
): void {
  app.get("/_sim/deliveries", () => ({ data: sim.store.list("sim.delivery").slice(-LIST_MAX).toReversed() }));
  app.post<{ Params: { id: string } }>("/_sim/deliveries/:id/resend", ({ params }, reply) =>
    sim.store.get("sim.delivery", params.id) === undefined
      ? reply.code(404).send({ error: { message: `No such delivery: '${params.id}'` } })
      : reply.code(201).send(deliverer.resend(params.id)),
  );
  app.post<{ Params: { id: string } }>("/_sim/endpoints/:id/roll-secret", ({ params }, reply) => {
    const isKnown =
      sim.store.get("webhook_endpoint", params.id) ?? sim.store.get("v2.core.event_destination", params.id);
    if (isKnown === undefined)
      return reply.code(404).send({ error: { message: `No such endpoint: '${params.id}'` } });
    return reply.send(
      sim.transact(null, (ctx) => rollSecret(ctx, params.id, sim.wallNowMs() + OLD_SECRET_LIVES_MS)),
    );
  });
}
