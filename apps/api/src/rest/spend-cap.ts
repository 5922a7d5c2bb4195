import { AccountChoice, SpendCapBody, SpendCapDto } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { requestAccount } from "../plugins/auth.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

type Deps = Pick<CustomerUseCases, "getSpendCap" | "setSpendCap">;

export const spendCapRoutes =
  ({ getSpendCap, setSpendCap }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const url = "/billing/spend-cap";
    const response = { 200: SpendCapDto };
    app.get(
      url,
      {
        config: { access: "billing:read" },
        schema: {
          tags: ["usage"],
          summary: "What may be spent past the quotas",
          querystring: AccountChoice,
          response,
        },
      },
      (request) => getSpendCap(requestAccount(request)),
    );
    app.put(
      url,
      {
        config: { access: "billing:write" },
        schema: {
          tags: ["usage"],
          summary: "Set what may be spent past the quotas",
          description:
            "For each period and each metric that is billed past its included quantity: what would cost more is refused, from the answer to this call on. `null` takes the cap away. What was used before is billed whatever the cap is.",
          querystring: AccountChoice,
          body: SpendCapBody,
          response,
        },
      },
      (request) => setSpendCap(requestAccount(request), request.body.amountMinor),
    );
  };
