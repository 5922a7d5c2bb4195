import {
  AccountDetailDto,
  AccountDto,
  AccountId,
  AccountsQuery,
  OpenAccountBody,
  pageOf,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { credentialOf } from "../plugins/auth.ts";
import type { OperatorUseCases } from "../use-cases/operator-use-cases.ts";

type Deps = Pick<OperatorUseCases, "openAccount" | "listAccounts" | "getAccount">;

export const operatorAccountRoutes =
  ({ openAccount, listAccounts, getAccount }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "operator" } as const;
    const tags = ["operator"];
    app.post(
      "/operator/accounts",
      {
        config,
        schema: {
          tags,
          summary: "Open an account on Free",
          body: OpenAccountBody.default({}),
          response: { 201: AccountDto },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await openAccount(credentialOf(request).id, request.body)),
    );
    app.get(
      "/operator/accounts",
      {
        config,
        schema: {
          tags,
          summary: "All accounts, or those that are searched for, the newest first",
          querystring: AccountsQuery,
          response: { 200: pageOf(AccountDto) },
        },
      },
      (request) => listAccounts(request.query),
    );
    app.get(
      "/operator/accounts/:id",
      {
        config,
        schema: {
          tags,
          summary: "One account with what it has at Stripe",
          params: z.object({ id: AccountId }),
          response: { 200: AccountDetailDto },
        },
      },
      (request) => getAccount(request.params.id),
    );
  };
