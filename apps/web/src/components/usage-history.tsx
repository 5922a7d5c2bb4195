import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "../api/client.ts";
import { metricWords } from "../format/metric.ts";
import { Loaded } from "./loaded.tsx";
import { UsagePlot } from "./usage-plot.tsx";

const spans = [
  { window: "day", label: "30 days" },
  { window: "hour", label: "24 hours" },
] as const;
type Span = (typeof spans)[number]["window"];

const refreshEveryMs = 15_000;

/** How a metric was used over time. */
export function UsageHistory({ metrics }: { metrics: readonly string[] }) {
  const [metric, setMetric] = useState("events");
  const [window, setWindow] = useState<Span>("day");
  const series = useQuery(
    useTRPC().usage.series.queryOptions(
      { metric, window },
      { refetchInterval: refreshEveryMs, placeholderData: keepPreviousData },
    ),
  );
  return (
    <section className="panel" aria-labelledby="history-title">
      <div className="panel-head">
        <h2 id="history-title">Usage over time</h2>
        <div className="controls">
          <label>
            <span className="hidden">Metric</span>
            <select value={metric} onChange={(event) => setMetric(event.target.value)}>
              {metrics.map((each) => (
                <option key={each} value={each}>
                  {metricWords(each).name}
                </option>
              ))}
            </select>
          </label>
          <fieldset className="segments">
            <legend className="hidden">Time</legend>
            {spans.map(({ window: each, label }) => (
              <label key={each}>
                <input type="radio" name="span" checked={each === window} onChange={() => setWindow(each)} />
                <span>{label}</span>
              </label>
            ))}
          </fieldset>
        </div>
      </div>
      <Loaded query={series} what="the plot">
        {(data) => <UsagePlot series={data} />}
      </Loaded>
    </section>
  );
}
