import { PlansDto } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

export const planRoutes =
  ({ listPlans }: Pick<CustomerUseCases, "listPlans">): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/billing/plans",
      {
        config: { access: "public" },
        schema: { tags: ["plans"], summary: "The plans on sale", response: { 200: PlansDto } },
      },
      () => listPlans(),
    );
  };
