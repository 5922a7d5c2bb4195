import type { Route } from "../http/routes.ts";
import { creditNoteRoutes } from "./credit-notes.ts";
import { invoiceItemRoutes } from "./invoice-items.ts";
import { invoicePaymentRoutes } from "./invoice-payments.ts";
import { invoiceRoutes } from "./invoices.ts";
import { meterEventRoutes } from "./meter-events.ts";
import { meterRoutes } from "./meters.ts";
import { subscriptionItemRoutes } from "./subscription-items.ts";
import { subscriptionScheduleRoutes } from "./subscription-schedules.ts";
import { subscriptionRoutes } from "./subscriptions.ts";

/** The routes of subscriptions, invoices and meters. */
export const billingRoutes: Route[] = [
  ...subscriptionRoutes,
  ...subscriptionItemRoutes,
  ...subscriptionScheduleRoutes,
  ...invoiceRoutes,
  ...invoiceItemRoutes,
  ...invoicePaymentRoutes,
  ...creditNoteRoutes,
  ...meterRoutes,
  ...meterEventRoutes,
];
