/** Markup that is safe to put into a page as it is. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | null | undefined | false | readonly Html[];

/** A template whose values are escaped, unless they are Html themselves; null, undefined and false are nothing. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return { markup: strings.reduce((text, string, index) => text + show(parts[index - 1]) + string) };
}

function show(part: Part): string {
  if (part === null || part === undefined || part === false) return "";
  if (typeof part === "string" || typeof part === "number") return escape(String(part));
  if ("markup" in part) return part.markup;
  return part.map(({ markup }) => markup).join("");
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);

/** An amount in minor units as a customer reads it: 2900 usd is `$29.00`. */
export const money = (amountMinor: number, currency: string): string =>
  new Intl.NumberFormat("en-US", { style: "currency", currency }).format(amountMinor / 100);

/** A unix time as `31 January 2027`, in UTC. */
export const day = (unixSeconds: number): string =>
  new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" }).format(unixSeconds * 1000);

/** A unix time as `2027-01-31 12:00:00`, in UTC. */
export const instant = (unixSeconds: number): string =>
  new Date(unixSeconds * 1000).toISOString().slice(0, 19).replace("T", " ");
