import { CreatedKeyDto, CreateKeyBody, KeyDto, PageQuery, pageOf } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<OperatorUseCases, "createKey" | "listKeys" | "rollKey" | "revokeKey">;

export const operatorKeyRoutes =
  ({ createKey, listKeys, rollKey, revokeKey }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    const params = z.object({ id: z.string() });
    app.post(
      "/operator/keys",
      {
        config,
        schema: {
          tags,
          summary: "Make a key, told this once",
          body: CreateKeyBody,
          response: { 201: CreatedKeyDto },
        },
      },
      async (request, reply) => reply.code(201).send(await createKey(credentialOf(request).id, request.body)),
    );
    app.get(
      "/operator/keys",
      {
        config,
        schema: {
          tags,
          summary: "All keys, the newest first",
          querystring: PageQuery,
          response: { 200: pageOf(KeyDto) },
        },
      },
      (request) => listKeys(request.query),
    );
    app.post(
      "/operator/keys/:id/roll",
      {
        config,
        schema: {
          tags,
          summary: "Replace a key by a new one of the same scopes",
          description:
            "The old one is revoked at once. Where both must work for a while, make a new key first and revoke the old one later.",
          params,
          response: { 201: CreatedKeyDto },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await rollKey(credentialOf(request).id, request.params.id)),
    );
    app.delete(
      "/operator/keys/:id",
      {
        config,
        schema: {
          tags,
          summary: "Revoke a key for good",
          description: "It works nowhere any more after 3 seconds.",
          params,
          response: { 200: KeyDto },
        },
      },
      (request) => revokeKey(credentialOf(request).id, request.params.id),
    );
  };
