import type { FastifyInstance } from "fastify";
import type { ObjectType } from "../objects.ts";
import { render } from "../http/render.ts";
import { advanceClock } from "../routes/test-clocks.ts";
import type { SimDeps } from "../sim/routes.ts";
import { act } from "./act.ts";
import { showDashboard, showList, showObject } from "./dashboard-view.ts";
import { readForm } from "./form.ts";

const LIST_MAX = 200;

/** Registers the simulator's own pages: objects, events and deliveries to look at, resend, and a clock to move. */
export function registerDashboard(app: FastifyInstance, deps: SimDeps): void {
  const { sim, testClockId } = deps;
  app.get<{ Querystring: { error?: string } }>("/", ({ query }, reply) =>
    reply.type("text/html").send(showDashboard(deps, query.error)),
  );

  app.get<{ Params: { type: string } }>("/_ui/:type", ({ params }, reply) => {
    const objects = sim.store.list(params.type as ObjectType).toReversed();
    return reply.type("text/html").send(showList(params.type, objects.slice(0, LIST_MAX), objects.length));
  });
  app.get<{ Params: { type: string; id: string } }>("/_ui/:type/:id", ({ params }, reply) => {
    const found = sim.store.get(params.type as ObjectType, params.id);
    return reply
      .code(found === undefined ? 404 : 200)
      .type("text/html")
      .send(showObject(params.type, params.id, found === undefined ? null : render(found)));
  });

  app.post<{ Params: { id: string } }>("/_ui/deliveries/:id/resend", ({ params }, reply) => {
    const delivery = sim.store.get("sim.delivery", params.id);
    if (delivery !== undefined)
      sim.transact(null, (ctx) => ctx.redeliver(delivery.eventId, delivery.endpointId));
    return reply.redirect("/#deliveries", 303);
  });
  app.post("/_ui/clock", ({ body }, reply) => {
    const seconds = Number(readForm<{ seconds?: string }>(body).seconds);
    const error = act(sim, (ctx) => {
      advanceClock(ctx, ctx.store.getOrThrow("test_helpers.test_clock", testClockId), ctx.now() + seconds);
    });
    return reply.redirect(error === null ? "/" : `/?error=${encodeURIComponent(error.body.message)}`, 303);
  });
}
