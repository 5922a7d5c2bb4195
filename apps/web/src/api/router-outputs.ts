import type { AppRouter } from "@driftlock/api/trpc";
import type { inferRouterInputs, inferRouterOutputs } from "@trpc/server";

/** What the gateway answers, taken from its router: there is no second description of it here. */
type Outputs = inferRouterOutputs<AppRouter>;

export type Plan = Outputs["plans"]["list"]["plans"][number];
export type PlanId = Plan["id"];
export type Subscription = Outputs["subscription"]["get"];
export type ChangePreview = Outputs["subscription"]["preview"];
export type MetricUsage = Outputs["usage"]["get"]["metrics"][number];
export type Alerts = Outputs["alerts"]["get"];
export type AlertChoice = inferRouterInputs<AppRouter>["alerts"]["set"]["metrics"][number];
export type AlertThreshold = AlertChoice["thresholds"][number];
export type SpendCap = Outputs["spendCap"]["get"];
export type UsageSeries = Outputs["usage"]["series"];
export type Invoice = Outputs["invoices"]["list"]["data"][number];
export type ExplainedInvoice = Outputs["invoices"]["explain"];
export type ExplainedLine = ExplainedInvoice["lines"][number];
