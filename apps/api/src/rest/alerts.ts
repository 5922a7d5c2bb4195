import { AccountChoice, AlertsBody, AlertsDto } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { requestAccount } from "../plugins/auth.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

type Deps = Pick<CustomerUseCases, "getAlerts" | "setAlerts">;

export const alertRoutes =
  ({ getAlerts, setAlerts }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const url = "/billing/alerts";
    const response = { 200: AlertsDto };
    app.get(
      url,
      {
        config: { access: "billing:read" },
        schema: {
          tags: ["usage"],
          summary: "What the account is told of when its usage reaches it",
          description:
            "For each metric of the plan, with the quantity of the period from which on it is told, and when it was. Notices: `usage.threshold_reached`; `quota.exhausted` where all that is included is used and more is refused; `spend_cap.approached` at 80 % of the spend cap and `spend_cap.reached`.",
          querystring: AccountChoice,
          response,
        },
      },
      (request) => getAlerts(requestAccount(request)),
    );
    app.put(
      url,
      {
        config: { access: "billing:write" },
        schema: {
          tags: ["usage"],
          summary: "Set what the account is told of",
          description:
            "The whole set: a metric that is left out has the defaults (50, 80 and 100 percent of what the plan includes), one with `thresholds: []` is not told of. Each threshold is told once in a period; one that is reached already is told within seconds, and one that was told in this period is not told again. `percent` is of what the plan includes, `quantity` of the period's usage.",
          querystring: AccountChoice,
          body: AlertsBody,
          response,
        },
      },
      (request) => setAlerts(requestAccount(request), request.body.metrics),
    );
  };
