import {
  AccountChoice,
  EventIdParams,
  EventTraceDto,
  ExplainedEventDto,
  ExplainedInvoiceDto,
  ExplainPageQuery,
  pageOf,
  UsageReportDto,
} from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { requestAccount } from "../plugins/auth.ts";
import type { CustomerUseCases } from "../use-cases/customer-use-cases.ts";

type Deps = Pick<
  CustomerUseCases,
  "explainInvoice" | "listInvoiceEvents" | "listInvoiceReports" | "findEvent"
>;

const InvoiceParams = z.object({ id: z.string() });
const config = { access: "billing:read" } as const;

/** From an invoice's line back to the events that it bills, and from an event to its line. */
export const explainRoutes =
  (useCases: Deps): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/billing/invoices/:id/explain",
      {
        config,
        schema: {
          tags: ["invoices"],
          summary: "How each metered line came about",
          description:
            "For each metered line: its arithmetic, and the parts of the account's time that it bills, each with its total, what of it Stripe was told, and, once it is closed, the digest of its events, which their producer can compute too (`createUsageDigest` of the SDK; the recipe is `sha256` of the UTF-8 text `driftlock.usage.v1\\n<account>\\n<metric>\\n<quantity>\\n<id>` for each event, summed modulo 2^256, as 64 hexadecimal digits).",
          params: InvoiceParams,
          querystring: AccountChoice,
          response: { 200: ExplainedInvoiceDto },
        },
      },
      (request) => useCases.explainInvoice(requestAccount(request), request.params.id),
    );
    app.get(
      "/billing/invoices/:id/explain/events",
      {
        config,
        schema: {
          tags: ["invoices"],
          summary: "The events behind a metric's lines, by id",
          description:
            "In the order of the ids by bytes. A page may hold fewer than `limit` and still have a next one. Events older than the retention of records are 422 `USAGE_NOT_KEPT`, with `keptSince`.",
          params: InvoiceParams,
          querystring: ExplainPageQuery.extend(AccountChoice.shape),
          response: { 200: pageOf(ExplainedEventDto) },
        },
      },
      (request) => useCases.listInvoiceEvents(requestAccount(request), request.params.id, request.query),
    );
    app.get(
      "/billing/invoices/:id/explain/reports",
      {
        config,
        schema: {
          tags: ["invoices"],
          summary: "What Stripe's meter was told for a metric's lines",
          params: InvoiceParams,
          querystring: ExplainPageQuery.extend(AccountChoice.shape),
          response: { 200: pageOf(UsageReportDto) },
        },
      },
      (request) => useCases.listInvoiceReports(requestAccount(request), request.params.id, request.query),
    );
    app.get(
      "/billing/usage/events/:eventId",
      {
        config,
        schema: {
          tags: ["usage"],
          summary: "Where one event went",
          description:
            "Its record with its period and invoice line, or why it costs nothing; and what was set aside under its id. 404 `EVENT_NOT_FOUND` where nothing is known of it (any more). In the path the id is percent-encoded.",
          params: EventIdParams,
          querystring: AccountChoice,
          response: { 200: EventTraceDto },
        },
      },
      (request) => useCases.findEvent(requestAccount(request), request.params.eventId),
    );
  };
