import {
  AccountChoice,
  CancelQuery,
  ChangePlanBody,
  ChangePreviewDto,
  ResumeBody,
  SubscriptionDto,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { requestAccount } from "../plugins/auth.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

type Deps = Pick<
  CustomerUseCases,
  "getSubscription" | "changePlan" | "previewChange" | "cancelSubscription" | "resumeSubscription"
>;

export const subscriptionRoutes =
  (useCases: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    const write = { access: "billing:write" } as const;
    const tags = ["subscription"];
    app.get(
      "/billing/subscription",
      {
        config: { access: "billing:read" },
        schema: {
          tags,
          summary: "The account's plan, period and payment state",
          querystring: AccountChoice,
          response: { 200: SubscriptionDto },
        },
      },
      (request) => useCases.getSubscription(requestAccount(request)),
    );
    app.patch(
      "/billing/subscription",
      {
        config: write,
        schema: {
          tags,
          summary: "Change the plan, or preview what that costs",
          description:
            "To a dearer plan at once, prorated and charged by Stripe; to a cheaper one at the period's end; to free is a cancellation at the period's end. To the present plan takes back a change that is still to come. 402 where the payment of an upgrade fails: nothing has changed then. 503 where it takes longer than 10 s: it goes on, and the same request is told how it ended; another one is 409 meanwhile.",
          querystring: AccountChoice,
          body: ChangePlanBody,
          response: { 200: z.union([SubscriptionDto, ChangePreviewDto]) },
        },
      },
      (request): Promise<SubscriptionDto | ChangePreviewDto> => {
        const { planId, preview } = request.body;
        const accountId = requestAccount(request);
        return preview ? useCases.previewChange(accountId, planId) : useCases.changePlan(accountId, planId);
      },
    );
    app.delete(
      "/billing/subscription",
      {
        config: write,
        schema: {
          tags,
          summary: "Cancel, at the period's end or now",
          description: "`now` closes and bills the usage so far first; nothing is refunded.",
          querystring: CancelQuery,
          response: { 200: SubscriptionDto },
        },
      },
      (request) => useCases.cancelSubscription(requestAccount(request), request.query.when),
    );
    app.post(
      "/billing/subscription/resume",
      {
        config: write,
        schema: {
          tags,
          summary: "Take a cancellation back before the period's end",
          querystring: AccountChoice,
          body: ResumeBody.optional(),
          response: { 200: SubscriptionDto },
        },
      },
      (request) => useCases.resumeSubscription(requestAccount(request)),
    );
  };
