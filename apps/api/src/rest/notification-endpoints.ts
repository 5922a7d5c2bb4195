import {
  AccountChoice,
  NotificationEndpointDto,
  NotificationEndpointsBody,
  pageOf,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { requestAccount } from "../plugins/auth.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

type Deps = Pick<CustomerUseCases, "listNotificationEndpoints" | "replaceNotificationEndpoints">;

export const notificationEndpointRoutes =
  ({ listNotificationEndpoints, replaceNotificationEndpoints }: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const url = "/billing/notification-endpoints";
    const response = { 200: pageOf(NotificationEndpointDto) };
    app.get(
      url,
      {
        config: { access: "billing:read" },
        schema: { tags: ["notices"], summary: "Where notices go", querystring: AccountChoice, response },
      },
      (request) => listNotificationEndpoints(requestAccount(request)),
    );
    app.put(
      url,
      {
        config: { access: "billing:write" },
        schema: {
          tags: ["notices"],
          summary: "Set where notices go",
          description:
            "The whole set: what is missing is removed. Notices are signed as Standard Webhooks say, with the `secret` that is told here. Targets are https; loopback only on the simulator.",
          querystring: AccountChoice,
          body: NotificationEndpointsBody,
          response,
        },
      },
      (request) =>
        replaceNotificationEndpoints(
          requestAccount(request),
          request.body.endpoints.map((endpoint) => endpoint.url),
        ),
    );
  };
