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
import type { ChangedSubscription, CustomerUseCases } from "../use-cases/customer-use-cases.ts";

type Deps = Pick<
  CustomerUseCases,
  "getSubscription" | "changePlan" | "previewChange" | "cancelSubscription" | "resumeSubscription"
>;

/** 200 with the changed subscription; 202 where Stripe has taken the change and our mirror does not show it yet. */
const changed = { 200: SubscriptionDto, 202: SubscriptionDto };
const statusOf = ({ isSynced }: ChangedSubscription) => (isSynced ? 200 : 202);

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
            "To a dearer plan at once, prorated and charged by Stripe; to a cheaper one at the period's end; to free is a cancellation at the period's end. To the present plan takes back a change that is still to come. 402 where the payment of an upgrade fails: nothing has changed then.",
          querystring: AccountChoice,
          body: ChangePlanBody,
          response: { 200: z.union([SubscriptionDto, ChangePreviewDto]), 202: SubscriptionDto },
        },
      },
      async (request, reply) => {
        const { planId, preview } = request.body;
        const accountId = requestAccount(request);
        if (preview) return useCases.previewChange(accountId, planId);
        const change = await useCases.changePlan(accountId, planId);
        return reply.code(statusOf(change)).send(change.subscription);
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
          response: changed,
        },
      },
      async (request, reply) => {
        const change = await useCases.cancelSubscription(requestAccount(request), request.query.when);
        return reply.code(statusOf(change)).send(change.subscription);
      },
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
          response: changed,
        },
      },
      async (request, reply) => {
        const change = await useCases.resumeSubscription(requestAccount(request));
        return reply.code(statusOf(change)).send(change.subscription);
      },
    );
  };
