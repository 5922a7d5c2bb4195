import { useState } from "react";
import type { UsageSeries } from "../api/router-outputs.ts";
import { formatInstant } from "../format/instant.ts";
import { formatMetric, formatMetricPhrase } from "../format/metric.ts";
import { formatCompact } from "../format/quantity.ts";
import { Instant } from "./instant.tsx";

/** A bar for each window. Its figures are in a table below, for who cannot point at a bar. */
export function UsagePlot({ series }: { series: UsageSeries }) {
  const [pointedAt, setPointedAt] = useState<string | null>(null);
  const { points, metric, window } = series;
  // By its instant: its figure goes on growing while one points at it.
  const pointed = points.find(({ at }) => at === pointedAt) ?? null;
  // A day of the series is one in UTC, whatever day it is where the reader is.
  const label = (at: string, isLong: boolean) =>
    window === "day"
      ? formatInstant(at, { style: isLong ? "day" : "short-day", timeZone: "UTC" })
      : formatInstant(at, { style: isLong ? "minute" : "hour-only" });
  const most = Math.max(...points.map(({ quantity }) => quantity), 0);
  if (most === 0) return <p className="empty">Nothing was counted in this time.</p>;
  const labelled = [points[0], points[Math.floor(points.length / 2)], points.at(-1)];
  return (
    <figure className="plot">
      <p className="plot-top" aria-hidden="true">
        {metric.endsWith("_bytes") ? formatMetric(metric, most) : formatCompact(most)}
      </p>
      <div className="plot-area">
        <svg
          viewBox={`0 0 ${points.length} 100`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`At most ${formatMetricPhrase(metric, most)} in one ${window}; figures below.`}
          onPointerLeave={() => setPointedAt(null)}
        >
          {points.map((point, index) => (
            <g
              key={point.at}
              onPointerEnter={() => setPointedAt(point.at)}
              className={point === pointed ? "on" : ""}
            >
              <rect className="column" x={index} y={0} width={1} height={100} />
              <rect
                className="value"
                x={index + 0.12}
                width={0.76}
                y={100 - barHeight(point.quantity, most)}
                height={barHeight(point.quantity, most)}
              />
            </g>
          ))}
        </svg>
      </div>
      <div className="plot-axis" aria-hidden="true">
        {labelled.map((point) => point && <span key={point.at}>{label(point.at, false)}</span>)}
      </div>
      <figcaption aria-hidden="true">
        {pointed === null ? (
          " "
        ) : (
          <>
            {label(pointed.at, true)}: <strong>{formatMetricPhrase(metric, pointed.quantity)}</strong>
          </>
        )}
      </figcaption>
      <PlotTable series={series} />
    </figure>
  );
}

// Little is not nothing: a bar that is there can be seen.
const barHeight = (quantity: number, most: number): number =>
  quantity === 0 ? 0 : Math.max((100 * quantity) / most, 1.5);

function PlotTable({ series: { points, metric, window } }: { series: UsageSeries }) {
  return (
    <details>
      <summary>Figures</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{window === "day" ? "Day (UTC)" : "Hour"}</th>
            <th scope="col" className="number">
              Used
            </th>
          </tr>
        </thead>
        <tbody>
          {points.map(({ at, quantity }) => (
            <tr key={at}>
              <td>{window === "day" ? at.slice(0, 10) : <Instant at={at} style="minute" />}</td>
              <td className="number">{formatMetric(metric, quantity)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
