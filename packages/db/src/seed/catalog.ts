import type { OveragePolicy, PlanId, Aggregation } from "@driftlock/contracts";

export interface CatalogPlan {
  planId: PlanId;
  version: number;
  name: string;
  rank: number;
  priceAmountMinor: number;
  currency: string;
  interval: "month" | "year";
  retentionDays: number;
  support: string;
  /** Days before the first payment; 0 is no trial. */
  trialDays: number;
  features: readonly (readonly [feature: string, name: string])[];
  limits: Readonly<Record<string, CatalogLimit>>;
}

export interface CatalogLimit {
  included: number | null;
  policy: OveragePolicy;
  overage?: { amountMinor: number; perUnits: number } | undefined;
}

export interface CatalogMetric {
  metric: string;
  name: string;
  aggregation: Aggregation;
  unit: string;
  /** Properties that its series can be grouped by. */
  groupByKeys: readonly string[];
}

/** DESIGN 2.3: the metrics that every installation has. */
export const catalogMetrics: readonly CatalogMetric[] = [
  { metric: "events", name: "Events", aggregation: "sum", unit: "event", groupByKeys: ["source", "type"] },
  { metric: "alerts", name: "Alerts", aggregation: "sum", unit: "alert", groupByKeys: ["severity"] },
  {
    metric: "api_requests",
    name: "API requests",
    aggregation: "sum",
    unit: "request",
    groupByKeys: ["endpoint", "status"],
  },
  { metric: "storage_bytes", name: "Storage", aggregation: "max", unit: "byte", groupByKeys: [] },
];

const counted = { included: null, policy: "unlimited" } as const;
const proFeatures = [
  ["custom_dashboards", "Custom dashboards"],
  ["anomaly_prediction", "Anomaly prediction"],
] as const;

/** DESIGN 2.4. A change of a plan that was sold is a new version, never an edit. */
export const catalogPlans: readonly CatalogPlan[] = [
  {
    planId: "free",
    version: 1,
    name: "Free",
    rank: 0,
    priceAmountMinor: 0,
    currency: "usd",
    interval: "month",
    retentionDays: 7,
    support: "basic",
    trialDays: 0,
    features: [],
    limits: {
      events: { included: 10_000, policy: "refuse" },
      alerts: { included: 100, policy: "refuse" },
      api_requests: counted,
      storage_bytes: counted,
    },
  },
  {
    planId: "pro",
    version: 1,
    name: "Pro",
    rank: 1,
    priceAmountMinor: 2_900,
    currency: "usd",
    interval: "month",
    retentionDays: 30,
    support: "advanced",
    trialDays: 0,
    features: proFeatures,
    limits: {
      events: { included: 100_000, policy: "bill", overage: { amountMinor: 50, perUnits: 1_000 } },
      alerts: { included: 1_000, policy: "refuse" },
      api_requests: counted,
      storage_bytes: counted,
    },
  },
  {
    planId: "business",
    version: 1,
    name: "Business",
    rank: 2,
    priceAmountMinor: 9_900,
    currency: "usd",
    interval: "month",
    retentionDays: 90,
    support: "priority",
    trialDays: 0,
    features: [
      ...proFeatures,
      ["sso_integration", "SSO integration"],
      ["dedicated_account_manager", "Dedicated account manager"],
    ],
    limits: {
      events: { included: null, policy: "unlimited" },
      alerts: { included: null, policy: "unlimited" },
      api_requests: counted,
      storage_bytes: counted,
    },
  },
];
