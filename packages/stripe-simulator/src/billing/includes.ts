import type { SimContext } from "../context.ts";
import type { Includes } from "../http/expand.ts";
import type { Invoice } from "./invoice-draft.ts";
import { openIntent, paymentsOf } from "./invoice-payments.ts";

/** What invoices show only when it is expanded: their payments, and the secret that a browser pays with. */
export const billingIncludes: Includes = {
  invoice: {
    payments: (ctx: SimContext, invoice: Invoice) => ({
      object: "list",
      data: paymentsOf(ctx, invoice.id),
      has_more: false,
      url: `/v1/invoice_payments?invoice=${invoice.id}`,
    }),
    confirmation_secret: (ctx: SimContext, invoice: Invoice) => {
      const secret = openIntent(ctx, invoice)?.client_secret ?? null;
      return secret === null ? null : { client_secret: secret, type: "payment_intent" };
    },
  },
};
