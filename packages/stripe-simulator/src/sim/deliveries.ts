import type { FastifyInstance } from "fastify";
import { rollSecret } from "../routes/webhook-endpoints.ts";
import type { SimDeps } from "./routes.ts";

const OLD_SECRET_LIVES_MS = 24 * 3600 * 1000;
const LIST_MAX = 500;

/** Registers the delivery log, the resending of an event, and the roll of an endpoint's secret (the old one signs on for 24 h). */
export function registerDeliveries(app: FastifyInstance, { sim }: Pick<SimDeps, "sim">): void {
  app.get("/_sim/deliveries", () => ({ data: sim.store.list("sim.delivery").slice(-LIST_MAX).toReversed() }));
  app.post<{ Params: { id: string } }>("/_sim/events/:id/resend", ({ params }, reply) => {
    const isKnown = sim.store.get("event", params.id) ?? sim.store.get("v2.core.event", params.id);
    if (isKnown === undefined)
      return reply.code(404).send({ error: { message: `No such event: '${params.id}'` } });
    sim.transact(null, (ctx) => ctx.redeliver(params.id));
    return reply.code(204).send();
  });
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
