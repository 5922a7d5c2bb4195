import { AccountChoice, InvoiceConfirmationDto, InvoiceDto, PageQuery, pageOf } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { requestAccount } from "../plugins/auth.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

export const invoiceRoutes =
  ({
    listInvoices,
    getInvoice,
    createConfirmation,
  }: Pick<CustomerUseCases, "listInvoices" | "getInvoice" | "createConfirmation">): FastifyPluginAsyncZod =>
  async (app) => {
    const config = { access: "billing:read" } as const;
    app.get(
      "/billing/invoices",
      {
        config,
        schema: {
          tags: ["invoices"],
          summary: "The account's invoices, the newest first",
          querystring: PageQuery.extend(AccountChoice.shape),
          response: { 200: pageOf(InvoiceDto) },
        },
      },
      (request) => listInvoices(requestAccount(request), request.query),
    );
    app.get(
      "/billing/invoices/:id",
      {
        config,
        schema: {
          tags: ["invoices"],
          summary: "One invoice",
          params: z.object({ id: z.string() }),
          querystring: AccountChoice,
          response: { 200: InvoiceDto },
        },
      },
      (request) => getInvoice(requestAccount(request), request.params.id),
    );
    app.post(
      "/billing/invoices/:id/confirmation",
      {
        config: { access: "billing:write" },
        schema: {
          tags: ["invoices"],
          summary: "Confirm the payment of an open invoice",
          description:
            "The client secret that Stripe Elements confirms it with, where the bank asks for the customer (3-D Secure). `hostedUrl` leads to Stripe's own page instead. 409 INVOICE_SETTLED for an invoice that is not open.",
          params: z.object({ id: z.string() }),
          querystring: AccountChoice,
          response: { 200: InvoiceConfirmationDto },
        },
      },
      (request) => createConfirmation(requestAccount(request), request.params.id),
    );
  };
