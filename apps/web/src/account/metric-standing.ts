import type { MetricUsage, Plan } from "../api/router-outputs.ts";
import { formatMetric, formatMetricPhrase, metricWords } from "../format/metric.ts";
import { formatMoney } from "../format/money.ts";
import { formatQuantity } from "../format/quantity.ts";

export interface MetricStanding {
  /** Of the included quantity, from 0 to 1; null where there is no limit. */
  share: number | null;
  /** Of the bar, what lies past the included quantity, from 0 to 1. */
  overShare: number;
  level: "calm" | "near" | "spent" | "over";
  /** "8,000 of 10,000", or "8,000". */
  amount: string;
  /** What happens past the limit, or what already does. */
  consequence: string;
}

type Overage = Plan["overage"][number];

const nearShare = 0.8;

interface MetricStandingOptions {
  /** The price past the limit, where it is known. */
  overage?: Overage | undefined;
  locale?: string;
}

/** How far an account is with a metric. */
export function metricStanding(usage: MetricUsage, options: MetricStandingOptions = {}): MetricStanding {
  const { metric, used, held, limit, overagePolicy } = usage;
  const { locale } = options;
  if (limit === null) {
    return {
      share: null,
      overShare: 0,
      level: "calm",
      amount: formatMetric(metric, used, locale),
      consequence: `${heldWords(usage, locale)}Counted, without a limit.`,
    };
  }
  const isOver = used > limit;
  const isSpent = overagePolicy === "refuse" && used >= limit;
  const isHeldUp = overagePolicy === "refuse" && !isSpent && used + held >= limit;
  const share = limit === 0 ? 1 : Math.min(used / limit, 1);
  return {
    share,
    overShare: isOver ? (used - limit) / used : 0,
    level: isSpent ? "spent" : isOver ? "over" : isHeldUp || share >= nearShare ? "near" : "calm",
    amount: `${formatMetric(metric, used, locale)} of ${formatMetric(metric, limit, locale)}`,
    consequence: consequenceOf(usage, limit, { ...options, isSpent, isHeldUp }),
  };
}

function consequenceOf(
  usage: MetricUsage,
  limit: number,
  { isSpent, isHeldUp, ...options }: MetricStandingOptions & { isSpent: boolean; isHeldUp: boolean },
): string {
  const { units } = metricWords(usage.metric);
  if (isSpent) return `All used: further ${units} are refused until the period ends.`;
  if (isHeldUp) {
    const amount = formatMetric(usage.metric, usage.held, options.locale);
    return `${amount} more held by reservations: further ${units} are refused until some are given back or the period ends.`;
  }
  return `${heldWords(usage, options.locale)}${limitConsequence(usage, limit, options)}`;
}

const heldWords = ({ metric, held }: MetricUsage, locale?: string): string =>
  held === 0 ? "" : `${formatMetric(metric, held, locale)} more held by reservations. `;

function limitConsequence(usage: MetricUsage, limit: number, options: MetricStandingOptions): string {
  const { overage, locale } = options;
  const past = `Past ${formatMetricPhrase(usage.metric, limit, locale)}`;
  if (usage.overagePolicy === "refuse") return `${past}, more is refused.`;
  const rate = overage === undefined ? null : overageRate(overage, locale);
  if (usage.overage === 0) return `${past}, more is billed${rate === null ? "" : ` at ${rate}`}.`;
  const beyond = `${formatMetric(usage.metric, usage.overage, locale)} beyond what is included`;
  if (overage === undefined) return `${beyond}, billed at the period's end.`;
  const soFar = formatMoney(overageMinor(usage.overage, overage), overage.currency, { locale });
  return `${beyond}: ${soFar} so far, at ${rate}.`;
}

/** "$0.50 for each 1,000". */
export const overageRate = ({ amountMinor, perUnits, currency }: Overage, locale?: string): string =>
  `${formatMoney(amountMinor, currency, { locale })} for each ${formatQuantity(perUnits, locale)}`;

// Billed by the unit and rounded once, as the line of the invoice is (DESIGN 2.4).
const overageMinor = (units: number, { amountMinor, perUnits }: Overage): number =>
  Math.round((units * amountMinor) / perUnits);
