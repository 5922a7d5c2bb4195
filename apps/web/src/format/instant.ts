export type InstantStyle = "day" | "minute" | "hour-only" | "short-day";

const styles: Record<InstantStyle, Intl.DateTimeFormatOptions> = {
  day: { dateStyle: "medium" },
  minute: { dateStyle: "medium", timeStyle: "short" },
  "hour-only": { hour: "numeric", minute: "2-digit" },
  "short-day": { day: "numeric", month: "short" },
};

interface InstantOptions {
  style?: InstantStyle;
  /** (Default: the user's.) */
  timeZone?: string;
  locale?: string;
}

/** An instant of the API (RFC 3339, UTC) in the user's zone. */
export const formatInstant = (at: string, { style = "day", timeZone, locale }: InstantOptions = {}): string =>
  new Intl.DateTimeFormat(locale, {
    ...styles[style],
    ...(timeZone !== undefined && { timeZone }),
  }).format(new Date(at));

/** The same instant as everybody's: "2026-11-22 14:00:05 UTC". */
export const formatUtc = (at: string): string =>
  `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
