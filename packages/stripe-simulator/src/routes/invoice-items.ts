import type Stripe from "stripe";
import { createInvoiceItem, deleteInvoiceItem, updateInvoiceItem } from "../billing/edit-invoice-item.ts";
import { listRoute, type Route, route } from "../http/routes.ts";
import { inRange, isAsked } from "./filters.ts";

const response = "InvoiceItem";

export const invoiceItemRoutes: Route[] = [
  route<Stripe.InvoiceItemCreateParams>(
    "POST",
    "/v1/invoiceitems",
    { params: "InvoiceItemCreateParams", response },
    (ctx, { params }) => createInvoiceItem(ctx, params),
  ),
  route("GET", "/v1/invoiceitems/:id", { params: "InvoiceItemRetrieveParams", response }, (ctx, { path }) =>
    ctx.store.getOrThrow("invoiceitem", path["id"] ?? ""),
  ),
  route<Stripe.InvoiceItemUpdateParams>(
    "POST",
    "/v1/invoiceitems/:id",
    { params: "InvoiceItemUpdateParams", response },
    (ctx, { params, path }) => updateInvoiceItem(ctx, path["id"] ?? "", params),
  ),
  route("DELETE", "/v1/invoiceitems/:id", { response: "DeletedInvoiceItem" }, (ctx, { path }) =>
    deleteInvoiceItem(ctx, path["id"] ?? ""),
  ),
  listRoute<Stripe.InvoiceItemListParams>(
    "/v1/invoiceitems",
    { params: "InvoiceItemListParams", response },
    (ctx, { params }) =>
      ctx.store
        .list("invoiceitem")
        .filter(
          (item) =>
            isAsked(item.customer, params.customer) &&
            isAsked(item.invoice, params.invoice) &&
            isAsked(item.invoice === null, params.pending) &&
            inRange(item.date, params.created),
        )
        .toReversed(),
  ),
];
