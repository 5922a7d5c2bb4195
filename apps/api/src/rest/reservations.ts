import {
  AccountChoice,
  ReservationBody,
  ReservationCommitBody,
  ReservationCommitDto,
  ReservationDto,
  ReservationEndDto,
  ReservationPath,
  ReservationReleaseBody,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { requestAccount } from "../plugins/auth.ts";
import type { Reservations } from "../use-cases/reservations.ts";

export const reservationRoutes =
  ({ reservations }: { reservations: Reservations }): FastifyPluginAsyncZod =>
  async (app) => {
    const url = "/billing/quota/reservations";
    const config = { access: "usage:write" } as const;
    const ofOne = { tags: ["quota"], querystring: AccountChoice, params: ReservationPath };
    app.post(
      url,
      {
        config,
        schema: {
          tags: ["quota"],
          summary: "Keep room for quantities, all or none",
          description:
            "For work whose use is known at its end. What is held is refused to everybody else until it is committed, released, or expires: after `ttlSeconds`, at the period's end at the latest. A repeat gives the first answer; the same `id` with something else is 409 RESERVATION_CONFLICT. 429 QUOTA_EXCEEDED says in `items` what does not fit, and leaves nothing behind. Only metrics that add up can be held.",
          querystring: AccountChoice,
          body: ReservationBody,
          response: { 201: ReservationDto },
        },
      },
      async (request, reply) => {
        const { id, items, ttlSeconds } = request.body;
        const held = await reservations.hold(requestAccount(request), { id, items, ttlSeconds });
        return reply.code(201).send(held);
      },
    );
    app.post(
      `${url}/:id/commit`,
      {
        config,
        schema: {
          ...ofOne,
          summary: "Count what was used of a reservation, and give back the rest",
          description:
            "At most what is held; without `items`, all of it. It is recorded as one event for each metric, of the id `reservation:<id>:<metric>`, so that a repeat counts nothing again. Where such an id was used with something else it is 409 EVENT_CONFLICT, and the reservation stays as it was. 503 BACKLOG_FULL has kept the commit: it is counted once there is room, whether it is repeated or not.",
          body: ReservationCommitBody.optional(),
          response: { 200: ReservationCommitDto },
        },
      },
      (request) => reservations.commit(requestAccount(request), request.params.id, request.body?.items),
    );
    app.post(
      `${url}/:id/release`,
      {
        config,
        schema: {
          ...ofOne,
          summary: "Give back all of a reservation",
          body: ReservationReleaseBody.optional(),
          response: { 200: ReservationEndDto },
        },
      },
      (request) => reservations.release(requestAccount(request), request.params.id),
    );
  };
