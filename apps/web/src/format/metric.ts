import { formatBytes, formatQuantity } from "./quantity.ts";

interface MetricWords {
  /** As a heading. */
  name: string;
  /** Inside of a sentence, many of them. */
  units: string;
}

const known: Record<string, MetricWords> = {
  events: { name: "Events", units: "events" },
  alerts: { name: "Alerts", units: "alerts" },
  api_requests: { name: "API requests", units: "API requests" },
  storage_bytes: { name: "Storage", units: "storage" },
};

/** What a metric is called; one that an operator defined is called by its own name. */
export function metricWords(metric: string): MetricWords {
  const spaced = metric.replaceAll("_", " ");
  return known[metric] ?? { name: spaced.charAt(0).toUpperCase() + spaced.slice(1), units: spaced };
}

/** Orders metrics as customers think of them: what plans are about first, an operator's own after it by name. */
export function byMetric(one: string, other: string): number {
  const names = Object.keys(known);
  const placeOf = (metric: string) => (names.includes(metric) ? names.indexOf(metric) : names.length);
  return placeOf(one) - placeOf(other) || one.localeCompare(other);
}

/** A quantity of a metric without its unit's name, except for bytes. */
export const formatMetric = (metric: string, quantity: number, locale?: string): string =>
  metric.endsWith("_bytes") ? formatBytes(quantity, locale) : formatQuantity(quantity, locale);

/** "10,000 events", and "2 GB of storage". */
export const formatMetricPhrase = (metric: string, quantity: number, locale?: string): string =>
  `${formatMetric(metric, quantity, locale)} ${metric.endsWith("_bytes") ? "of " : ""}${metricWords(metric).units}`;
