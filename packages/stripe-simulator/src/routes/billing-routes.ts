import type { Route } from "../http/routes.ts";

/** The routes of subscriptions, invoices and meters. */
export const billingRoutes: Route[] = [];
