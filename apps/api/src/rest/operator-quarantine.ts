import {
  LatePreviewDto,
  pageOf,
  QuarantineDto,
  QuarantineId,
  QuarantineQuery,
  QuarantineSelection,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<
  OperatorUseCases,
  "listQuarantined" | "replayQuarantined" | "discardQuarantined" | "previewReplay"
>;

export const operatorQuarantineRoutes =
  ({ listQuarantined, replayQuarantined, discardQuarantined, previewReplay }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    const params = z.object({ id: QuarantineId });
    const response = { 200: QuarantineDto };
    app.get(
      "/operator/quarantine",
      {
        config,
        schema: {
          tags,
          summary: "Events that were set aside, the newest first",
          description:
            "`reason` is `late` (an operator decides), `conflict`, `no-period`, `unknown-metric`, `not-storable`, `unreadable`, or what Stripe's meter refused.",
          querystring: QuarantineQuery,
          response: { 200: pageOf(QuarantineDto) },
        },
      },
      (request) => listQuarantined(request.query),
    );
    app.post(
      "/operator/quarantine/preview",
      {
        config,
        schema: {
          tags,
          summary: "What sending these in again would cost",
          description: "Changes nothing. What was replayed or discarded before is left out.",
          body: QuarantineSelection,
          response: { 200: LatePreviewDto },
        },
      },
      (request) => previewReplay(request.body.ids),
    );
    app.post(
      "/operator/quarantine/:id/replay",
      {
        config,
        schema: {
          tags,
          summary: "Send an event in again under its own id",
          description:
            "It counts once, however often this is called. Of a closed period it is billed as an adjustment on the next invoice.",
          params,
          response,
        },
      },
      (request) => replayQuarantined(credentialOf(request).id, request.params.id),
    );
    app.post(
      "/operator/quarantine/:id/discard",
      {
        config,
        schema: { tags, summary: "Leave an event uncounted for good", params, response },
      },
      (request) => discardQuarantined(credentialOf(request).id, request.params.id),
    );
  };
