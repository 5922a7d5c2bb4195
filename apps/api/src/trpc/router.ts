import {
  AlertsBody,
  CancelQuery,
  ChangePlanBody,
  CheckoutBody,
  EventIdParams,
  ExplainPageQuery,
  NotificationEndpointsBody,
  PageQuery,
  PortalBody,
  SpendCapBody,
  UsageSeriesQuery,
} from "@driftlock/contracts";
import { z } from "zod";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";
import { accountProcedure, publicProcedure, router } from "./init.ts";

/** The customer's operations for the front end: the same use-cases as REST, one procedure for each. */
export const createAppRouter = (useCases: CustomerUseCases) => {
  const read = accountProcedure("billing:read");
  const write = accountProcedure("billing:write");
  return router({
    plans: router({
      list: publicProcedure.query(() => useCases.listPlans()),
    }),
    checkout: router({
      create: write
        .input(CheckoutBody)
        .mutation(({ ctx, input }) => useCases.createCheckout(ctx.accountId, input)),
    }),
    subscription: router({
      get: read.query(({ ctx }) => useCases.getSubscription(ctx.accountId)),
      preview: write
        .input(ChangePlanBody.omit({ preview: true }))
        .query(({ ctx, input }) => useCases.previewChange(ctx.accountId, input.planId)),
      change: write
        .input(ChangePlanBody.omit({ preview: true }))
        .mutation(async ({ ctx, input }) => useCases.changePlan(ctx.accountId, input.planId)),
      cancel: write
        .input(CancelQuery.pick({ when: true }))
        .mutation(({ ctx, input }) => useCases.cancelSubscription(ctx.accountId, input.when)),
      resume: write.mutation(({ ctx }) => useCases.resumeSubscription(ctx.accountId)),
    }),
    usage: router({
      get: read.query(({ ctx }) => useCases.getUsage(ctx.accountId)),
      series: read
        .input(UsageSeriesQuery)
        .query(({ ctx, input }) => useCases.getUsageSeries(ctx.accountId, input)),
      findEvent: read
        .input(EventIdParams)
        .query(({ ctx, input }) => useCases.findEvent(ctx.accountId, input.eventId)),
    }),
    spendCap: router({
      get: read.query(({ ctx }) => useCases.getSpendCap(ctx.accountId)),
      set: write
        .input(SpendCapBody)
        .mutation(({ ctx, input }) => useCases.setSpendCap(ctx.accountId, input.amountMinor)),
    }),
    alerts: router({
      get: read.query(({ ctx }) => useCases.getAlerts(ctx.accountId)),
      set: write
        .input(AlertsBody)
        .mutation(({ ctx, input }) => useCases.setAlerts(ctx.accountId, input.metrics)),
    }),
    entitlements: router({
      get: read.query(({ ctx }) => useCases.getEntitlements(ctx.accountId)),
    }),
    invoices: router({
      list: read.input(PageQuery).query(({ ctx, input }) => useCases.listInvoices(ctx.accountId, input)),
      get: read
        .input(z.object({ invoiceId: z.string() }))
        .query(({ ctx, input }) => useCases.getInvoice(ctx.accountId, input.invoiceId)),
      confirm: write
        .input(z.object({ invoiceId: z.string() }))
        .mutation(({ ctx, input }) => useCases.createConfirmation(ctx.accountId, input.invoiceId)),
      explain: read
        .input(z.object({ invoiceId: z.string() }))
        .query(({ ctx, input }) => useCases.explainInvoice(ctx.accountId, input.invoiceId)),
      events: read
        .input(ExplainPageQuery.extend({ invoiceId: z.string() }))
        .query(({ ctx, input }) => useCases.listInvoiceEvents(ctx.accountId, input.invoiceId, input)),
      reports: read
        .input(ExplainPageQuery.extend({ invoiceId: z.string() }))
        .query(({ ctx, input }) => useCases.listInvoiceReports(ctx.accountId, input.invoiceId, input)),
    }),
    portal: router({
      create: write
        .input(PortalBody)
        .mutation(({ ctx, input }) => useCases.createPortalSession(ctx.accountId, input.returnUrl)),
    }),
    paymentMethod: router({
      setup: write.mutation(({ ctx }) => useCases.createPaymentSetup(ctx.accountId)),
    }),
    notificationEndpoints: router({
      list: read.query(({ ctx }) => useCases.listNotificationEndpoints(ctx.accountId)),
      replace: write.input(NotificationEndpointsBody).mutation(({ ctx, input }) =>
        useCases.replaceNotificationEndpoints(
          ctx.accountId,
          input.endpoints.map(({ url }) => url),
        ),
      ),
    }),
  });
};

/** What the front end's client is typed by. */
export type AppRouter = ReturnType<typeof createAppRouter>;
