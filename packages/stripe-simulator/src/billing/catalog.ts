import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { ObjectOf } from "../objects.ts";
import { decimalOf, formatDecimal } from "./decimal.ts";
import type { Recurrence } from "./period.ts";
import type { PriceTerms } from "./price-usage.ts";

export type Price = ObjectOf<"price">;

/** What it costs: the price with its tiers. */
export function termsOf(ctx: SimContext, priceId: string): PriceTerms {
  const { _tiers, ...price } = ctx.store.getOrThrow("price", priceId);
  return _tiers === null ? price : { ...price, tiers: _tiers };
}

/** The price of a parameter, fit to be subscribed to; throws Stripe's errors otherwise. */
export function recurringPrice(
  ctx: SimContext,
  priceId: string,
  param: string,
): Price & { recurring: Recurrence } {
  const price = ctx.store.getOrThrow("price", priceId, param);
  if (!price.active) {
    throw invalidRequest(`The price specified is inactive. This field only accepts active prices.`, {
      param,
    });
  }
  if (price.recurring === null) {
    throw invalidRequest(
      `The price specified is set to \`type=one_time\` but this field only accepts prices with \`type=recurring\`.`,
      { param },
    );
  }
  return { ...price, recurring: price.recurring };
}

export const isMetered = (price: { recurring: { usage_type: string } | null }): boolean =>
  price.recurring?.usage_type === "metered";

/** The product's name, as lines and plans show it. */
export function productName(ctx: SimContext, productId: string): string {
  return ctx.store.get("product", productId)?.name ?? productId;
}

const SIGNS: Record<string, string> = { usd: "$", eur: "€", gbp: "£" };

/** "$0.0005" for `"0.05"` minor units of usd: at least two fractional digits, no rounding. */
export function formatMoney(minorDecimal: string, currency: string): string {
  const [whole = "0", fraction = ""] = formatDecimal(decimalOf(minorDecimal)).replace("-", "").split(".");
  const digits = whole.padStart(3, "0");
  const cents = `${digits.slice(-2)}${fraction}`.replace(/0+$/, "").padEnd(2, "0");
  const sign = SIGNS[currency] ?? `${currency.toUpperCase()} `;
  return `${minorDecimal.startsWith("-") ? "-" : ""}${sign}${digits.slice(0, -2)}.${cents}`;
}

/** "month", or "3 months". */
export const formatRecurrence = ({ interval, interval_count }: Recurrence): string =>
  interval_count === 1 ? interval : `${interval_count} ${interval}s`;
