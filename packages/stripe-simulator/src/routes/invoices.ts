import type Stripe from "stripe";
import { createInvoice, deleteDraft, sendInvoice, updateInvoice } from "../billing/edit-invoice.ts";
import { finalizeInvoice, markUncollectible, markVoid } from "../billing/finalize-invoice.ts";
import { type Invoice, subscriptionOf } from "../billing/invoice-draft.ts";
import { payInvoice } from "../billing/pay-invoice.ts";
import { previewInvoice } from "../billing/preview-invoice.ts";
import type { SimContext } from "../context.ts";
import { listRoute, type Route, route } from "../http/routes.ts";
import type { Stored } from "../stored.ts";
import { isAsked, inRange } from "./filters.ts";

const response = "Invoice";
const idOf = (path: Record<string, string>): string => path["id"] ?? "";

function isListed(invoice: Invoice, params: Stored<Stripe.InvoiceListParams>): boolean {
  return (
    isAsked(invoice.customer, params.customer) &&
    isAsked(subscriptionOf(invoice), params.subscription) &&
    isAsked(invoice.status, params.status) &&
    isAsked(invoice.collection_method, params.collection_method) &&
    inRange(invoice.created, params.created) &&
    (params.due_date === undefined ||
      (invoice.due_date !== null && inRange(invoice.due_date, params.due_date)))
  );
}

/** An action on one invoice, by its path and the name of its parameters. */
const action = <P>(
  verb: string,
  params: string,
  work: (ctx: SimContext, id: string, params: Stored<P>) => Invoice,
): Route =>
  route<P>("POST", `/v1/invoices/:id${verb}`, { params, response }, (ctx, request) =>
    work(ctx, idOf(request.path), request.params),
  );

export const invoiceRoutes: Route[] = [
  route<Stripe.InvoiceCreateParams>(
    "POST",
    "/v1/invoices",
    { params: "InvoiceCreateParams", response },
    (ctx, { params }) => createInvoice(ctx, params),
  ),
  route<Stripe.InvoiceCreatePreviewParams>(
    "POST",
    "/v1/invoices/create_preview",
    { params: "InvoiceCreatePreviewParams", response },
    (ctx, { params }) => previewInvoice(ctx, params),
  ),
  route("GET", "/v1/invoices/:id", { params: "InvoiceRetrieveParams", response }, (ctx, { path }) =>
    ctx.store.getOrThrow("invoice", idOf(path)),
  ),
  listRoute<Stripe.InvoiceListParams>(
    "/v1/invoices",
    { params: "InvoiceListParams", response },
    (ctx, { params }) =>
      ctx.store
        .list("invoice")
        .filter((invoice) => isListed(invoice, params))
        .toReversed(),
  ),
  listRoute(
    "/v1/invoices/:id/lines",
    { params: "InvoiceListLineItemsParams", response: "InvoiceLineItem" },
    (ctx, { path }) => ctx.store.getOrThrow("invoice", idOf(path)).lines.data,
  ),
  route(
    "DELETE",
    "/v1/invoices/:id",
    { params: "InvoiceDeleteParams", response: "DeletedInvoice" },
    (ctx, { path }) => deleteDraft(ctx, idOf(path)),
  ),
  action<Stripe.InvoiceUpdateParams>("", "InvoiceUpdateParams", updateInvoice),
  action<Stripe.InvoicePayParams>("/pay", "InvoicePayParams", payInvoice),
  action<Stripe.InvoiceFinalizeInvoiceParams>(
    "/finalize",
    "InvoiceFinalizeInvoiceParams",
    (ctx, id, params) => {
      if (params.auto_advance !== undefined) updateInvoice(ctx, id, { auto_advance: params.auto_advance });
      return finalizeInvoice(ctx, id);
    },
  ),
  action<object>("/send", "InvoiceSendInvoiceParams", sendInvoice),
  action<object>("/void", "InvoiceVoidInvoiceParams", markVoid),
  action<object>("/mark_uncollectible", "InvoiceMarkUncollectibleParams", markUncollectible),
];
