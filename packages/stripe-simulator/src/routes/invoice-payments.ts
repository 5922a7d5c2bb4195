import type Stripe from "stripe";
import { listRoute, type Route, route } from "../http/routes.ts";
import { inRange, isAsked } from "./filters.ts";

const response = "InvoicePayment";

export const invoicePaymentRoutes: Route[] = [
  route(
    "GET",
    "/v1/invoice_payments/:id",
    { params: "InvoicePaymentRetrieveParams", response },
    (ctx, { path }) => ctx.store.getOrThrow("invoice_payment", path["id"] ?? ""),
  ),
  listRoute<Stripe.InvoicePaymentListParams>(
    "/v1/invoice_payments",
    { params: "InvoicePaymentListParams", response },
    (ctx, { params }) =>
      ctx.store
        .list("invoice_payment")
        .filter(
          (payment) =>
            isAsked(payment.invoice, params.invoice) &&
            isAsked(payment.status, params.status) &&
            isAsked(payment.payment.payment_intent, params.payment?.payment_intent) &&
            inRange(payment.created, params.created),
        )
        .toReversed(),
  ),
];
