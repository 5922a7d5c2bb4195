import { formatInstant, formatUtc, type InstantStyle } from "../format/instant.ts";

/** An instant in the reader's zone; in UTC on hover. */
export function Instant({ at, style }: { at: string; style?: InstantStyle }) {
  return (
    <time dateTime={at} title={formatUtc(at)}>
      {formatInstant(at, style === undefined ? {} : { style })}
    </time>
  );
}

/** A half-open period by its first and its ending instant. */
export function Period({ period }: { period: { start: string; end: string } }) {
  return (
    <span className="period">
      <Instant at={period.start} /> – <Instant at={period.end} />
    </span>
  );
}
