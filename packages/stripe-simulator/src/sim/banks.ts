import type { FastifyInstance } from "fastify";
import type { ObjectOf } from "../objects.ts";
import { cardByKey } from "../payments/cards.ts";
import { decideDispute, openDispute } from "../payments/disputes.ts";
import type { Simulation } from "../simulation.ts";

interface RenewBody {
  exp_month?: number;
  exp_year?: number;
  /** A `pm_card_…` that the card behaves like from now on. */
  card?: string;
}

/**
 * Registers what banks do without being asked: `POST /_sim/payment_methods/{id}/renew { exp_month, exp_year, card? }`
 * (the network's updater: the same id with a new expiry), `POST /_sim/charges/{id}/dispute` and
 * `POST /_sim/disputes/{id}/decide { status: "won" | "lost" }`.
 */
export function registerBanks(app: FastifyInstance, sim: Simulation): void {
  app.post<{ Params: { id: string }; Body: string }>("/_sim/payment_methods/:id/renew", (request, reply) => {
    const { exp_month = 12, exp_year, card = "pm_card_visa" } = JSON.parse(request.body || "{}") as RenewBody;
    const key = card.replace(/^pm_card_/, "");
    const found = sim.store.get("payment_method", request.params.id);
    if (found?.card === undefined || exp_year === undefined || cardByKey(key) === undefined)
      return reply
        .code(400)
        .send({ error: { message: "Pass { exp_month, exp_year, card? } for a card that is there." } });
    return sim.transact(null, (ctx) => {
      const before = { card: { exp_month: found.card?.exp_month, exp_year: found.card?.exp_year } };
      const renewed = ctx.store.update("payment_method", found.id, {
        card: { ...found.card, exp_month, exp_year } as ObjectOf<"payment_method">["card"] & object,
        _card: { ...found._card, key },
      });
      ctx.emit("payment_method.automatically_updated", renewed, before);
      return { id: renewed.id, exp_month, exp_year };
    });
  });
  app.post<{ Params: { id: string } }>("/_sim/charges/:id/dispute", ({ params }, reply) => {
    const charge = sim.store.get("charge", params.id);
    if (charge?.paid !== true)
      return reply.code(400).send({ error: { message: "There is no such paid charge." } });
    return sim.transact(null, (ctx) => ({ id: openDispute(ctx, charge).id }));
  });
  app.post<{ Params: { id: string }; Body: string }>(
    "/_sim/disputes/:id/decide",
    ({ params, body }, reply) => {
      const { status } = JSON.parse(body || "{}") as { status?: string };
      if ((status !== "won" && status !== "lost") || sim.store.get("dispute", params.id) === undefined)
        return reply
          .code(400)
          .send({ error: { message: 'Pass { status: "won" | "lost" } for a dispute that is there.' } });
      return sim.transact(null, (ctx) => ({
        id: params.id,
        status: decideDispute(ctx, params.id, status).status,
      }));
    },
  );
}
