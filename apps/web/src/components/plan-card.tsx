import type { ReactNode } from "react";
import { overageRate } from "../account/metric-standing.ts";
import type { Plan } from "../api/router-outputs.ts";
import { byMetric, formatMetricPhrase, metricWords } from "../format/metric.ts";
import { formatMoney } from "../format/money.ts";

interface PlanCardProps {
  plan: Plan;
  isPresent?: boolean;
  /** Said of the plan where there is something: "Your plan". */
  badge?: ReactNode;
  /** What one can do about it. */
  action?: ReactNode;
}

/** A plan as it is sold. */
export function PlanCard({ plan, isPresent, badge, action }: PlanCardProps) {
  const { amountMinor, currency, interval } = plan.price;
  return (
    <article className={isPresent ? "plan present" : "plan"} aria-labelledby={`plan-${plan.id}`}>
      <div className="plan-head">
        <h2 id={`plan-${plan.id}`}>{plan.name}</h2>
        {badge}
      </div>
      <p className="price">
        <strong>{formatMoney(amountMinor, currency, { isShort: true })}</strong>
        <span className="muted"> a {interval}</span>
      </p>
      <ul>
        {planLines(plan).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {action !== undefined && <div className="plan-action">{action}</div>}
    </article>
  );
}

// What no plan limits says nothing about a plan: it is left out, unless this plan is the one that lifts the limit.
const counted = new Set(["api_requests", "storage_bytes"]);

function planLines({ limits, overage, price, features, retentionDays, support }: Plan): string[] {
  const quotas = Object.entries(limits)
    .sort(([one], [other]) => byMetric(one, other))
    .filter(([metric, included]) => included !== null || !counted.has(metric))
    .map(([metric, included]) => {
      if (included === null) return `Unlimited ${metricWords(metric).units}`;
      const beyond = overage.find((each) => each.metric === metric);
      const past = beyond === undefined ? "refused" : overageRate(beyond);
      return `${formatMetricPhrase(metric, included)} a ${price.interval}, then ${past}`;
    });
  return [
    ...quotas,
    `${retentionDays} days of retention`,
    `${support.charAt(0).toUpperCase()}${support.slice(1)} support`,
    ...features,
  ];
}
