import { billingRoutes } from "../routes/billing-routes.ts";
import { testClockRoutes } from "../routes/test-clocks.ts";
import type { Route } from "./routes.ts";

/** Every route of the API. */
export const routes: Route[] = [...testClockRoutes, ...billingRoutes];
