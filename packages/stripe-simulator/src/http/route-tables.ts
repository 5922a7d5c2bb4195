import { accountRoutes } from "../routes/account.ts";
import { billingRoutes } from "../routes/billing-routes.ts";
import { chargeRoutes } from "../routes/charges.ts";
import { checkoutSessionRoutes } from "../routes/checkout-sessions.ts";
import { customerRoutes } from "../routes/customers.ts";
import { eventRoutes } from "../routes/events.ts";
import { paymentIntentRoutes } from "../routes/payment-intents.ts";
import { paymentMethodRoutes } from "../routes/payment-methods.ts";
import { portalRoutes } from "../routes/portal.ts";
import { priceRoutes } from "../routes/prices.ts";
import { productRoutes } from "../routes/products.ts";
import { setupIntentRoutes } from "../routes/setup-intents.ts";
import { testClockRoutes } from "../routes/test-clocks.ts";
import { webhookEndpointRoutes } from "../routes/webhook-endpoints.ts";
import type { Route } from "./routes.ts";

/** Every route of the API. */
export const routes: Route[] = [
  ...accountRoutes,
  ...billingRoutes,
  ...chargeRoutes,
  ...checkoutSessionRoutes,
  ...customerRoutes,
  ...eventRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...portalRoutes,
  ...priceRoutes,
  ...productRoutes,
  ...setupIntentRoutes,
  ...testClockRoutes,
  ...webhookEndpointRoutes,
];
