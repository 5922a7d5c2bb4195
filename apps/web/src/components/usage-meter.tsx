import { metricStanding } from "../account/metric-standing.ts";
import type { MetricUsage, Plan } from "../api/router-outputs.ts";
import { metricWords } from "../format/metric.ts";
import { formatShare } from "../format/quantity.ts";
import { Link } from "../routing/navigation.tsx";
import { Instant } from "./instant.tsx";

interface UsageMeterProps {
  usage: MetricUsage;
  overage: Plan["overage"][number] | undefined;
}

/** One metric: how much of it is used, and what happens past its limit. */
export function UsageMeter({ usage, overage }: UsageMeterProps) {
  const standing = metricStanding(usage, { overage });
  const { name } = metricWords(usage.metric);
  const { share, overShare, level, amount, consequence } = standing;
  return (
    <div className={`usage ${level}`}>
      <div className="usage-head">
        <h3>{name}</h3>
        <p className="figure">{amount}</p>
      </div>
      {share !== null && (
        <div
          className="bar"
          role="meter"
          aria-label={name}
          aria-valuemin={0}
          aria-valuemax={usage.limit ?? 0}
          aria-valuenow={Math.min(usage.used, usage.limit ?? 0)}
          aria-valuetext={`${amount}, ${formatShare(share)}`}
        >
          <span className="included" style={{ width: `${100 * share * (1 - overShare)}%` }} />
          <span className="beyond" style={{ width: `${100 * overShare}%` }} />
        </div>
      )}
      <p className="muted">
        {consequence}{" "}
        {share !== null && (
          <>
            Resets on <Instant at={usage.resetsAt} style="minute" />.{" "}
          </>
        )}
        {level === "spent" && <Link to="/app/plans">See larger plans</Link>}
      </p>
    </div>
  );
}
