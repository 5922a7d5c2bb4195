import type Stripe from "stripe";
import { recordChange } from "../billing/record-change.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { Includes } from "../http/expand.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { isAsked, inRange } from "./filters.ts";
import { createProduct } from "./create-product.ts";

type Price = ObjectOf<"price">;
type CreateParams = Stored<Stripe.PriceCreateParams>;

/** Makes a price with its amount or its tiers, and emits `price.created`. A metered price must name its meter. */
export function createPrice(ctx: SimContext, params: CreateParams): Price {
  const tiers = readTiers(params);
  const amount = readAmount(params.unit_amount, params.unit_amount_decimal);
  if (tiers === null && amount.unit_amount_decimal === null)
    throw invalidRequest("Missing required param: unit_amount.", {
      code: "parameter_missing",
      param: "unit_amount",
    });
  const price: Price = {
    id: ctx.newId("price"),
    object: "price",
    active: params.active ?? true,
    billing_scheme: params.billing_scheme ?? "per_unit",
    created: ctx.now(),
    currency: params.currency.toLowerCase(),
    custom_unit_amount: null,
    livemode: false,
    lookup_key: claimLookupKey(ctx, params.lookup_key, params.transfer_lookup_key),
    metadata: applyMetadata(null, params.metadata),
    nickname: params.nickname ?? null,
    product: readProduct(ctx, params),
    recurring: readRecurring(ctx, params.recurring),
    tax_behavior: params.tax_behavior ?? "unspecified",
    tiers_mode: tiers === null ? null : (params.tiers_mode ?? null),
    transform_quantity: params.transform_quantity ?? null,
    type: params.recurring === undefined ? "one_time" : "recurring",
    ...(tiers === null ? amount : { unit_amount: null, unit_amount_decimal: null }),
    _tiers: tiers,
  };
  ctx.store.put("price", price);
  ctx.emit("price.created", price);
  return price;
}

function readProduct(ctx: SimContext, params: CreateParams): string {
  if (params.product !== undefined) return ctx.store.getOrThrow("product", params.product, "product").id;
  if (params.product_data === undefined)
    throw invalidRequest("Missing required param: product.", { code: "parameter_missing", param: "product" });
  const { tax_details: _unused, ...data } = params.product_data;
  return createProduct(ctx, data).id;
}

function readRecurring(ctx: SimContext, recurring: CreateParams["recurring"]): Price["recurring"] {
  if (recurring === undefined) return null;
  const isMetered = recurring.usage_type === "metered";
  if (isMetered && recurring.meter === undefined)
    throw invalidRequest("Metered prices must be backed by a meter: pass recurring[meter].", {
      param: "recurring[meter]",
    });
  if (!isMetered && recurring.meter !== undefined)
    throw invalidRequest("recurring[meter] needs recurring[usage_type]=metered.", {
      param: "recurring[meter]",
    });
  if (recurring.meter !== undefined)
    ctx.store.getOrThrow("billing.meter", recurring.meter, "recurring[meter]");
  return {
    interval: recurring.interval,
    interval_count: recurring.interval_count ?? 1,
    meter: recurring.meter ?? null,
    trial_period_days: recurring.trial_period_days ?? null,
    usage_type: recurring.usage_type ?? "licensed",
  };
}

function readTiers(params: CreateParams): Price["_tiers"] {
  if (params.billing_scheme !== "tiered") {
    if (params.tiers !== undefined)
      throw invalidRequest("You must pass billing_scheme=tiered to use tiers.", { param: "tiers" });
    return null;
  }
  if (params.tiers === undefined || params.tiers_mode === undefined)
    throw invalidRequest("Tiered prices need tiers and tiers_mode.", {
      code: "parameter_missing",
      param: "tiers",
    });
  if (params.tiers.at(-1)?.up_to !== "inf")
    throw invalidRequest("The last tier must have up_to=inf.", { param: "tiers" });
  return params.tiers.map((tier, index) => {
    const flat = readAmount(tier.flat_amount, tier.flat_amount_decimal);
    const unit = readAmount(tier.unit_amount, tier.unit_amount_decimal);
    const upTo = tier.up_to === "inf" ? null : tier.up_to;
    const below = index === 0 ? 0 : params.tiers?.[index - 1]?.up_to;
    if (upTo !== null && (typeof below !== "number" || upTo <= below))
      throw invalidRequest("Each tier's up_to must be above the one before.", {
        param: `tiers[${index}][up_to]`,
      });
    return {
      flat_amount: flat.unit_amount,
      flat_amount_decimal: flat.unit_amount_decimal,
      unit_amount: unit.unit_amount,
      unit_amount_decimal: unit.unit_amount_decimal,
      up_to: upTo,
    };
  });
}

/** Stripe's pair: the integer is null where the decimal has a fraction of the minor unit. */
function readAmount(amount: number | undefined, decimal: string | undefined) {
  if (amount !== undefined && decimal !== undefined)
    throw invalidRequest("You may only specify one of these parameters: unit_amount, unit_amount_decimal.");
  if (amount !== undefined) return { unit_amount: amount, unit_amount_decimal: String(amount) };
  if (decimal === undefined) return { unit_amount: null, unit_amount_decimal: null };
  const plain = decimal.includes(".") ? decimal.replace(/\.?0+$/, "") : decimal;
  return { unit_amount: /^-?\d+$/.test(plain) ? Number(plain) : null, unit_amount_decimal: plain };
}

function claimLookupKey(
  ctx: SimContext,
  key: string | undefined,
  transfers: boolean | undefined,
): string | null {
  if (key === undefined) return null;
  const holder = ctx.store.list("price").find((price) => price.lookup_key === key);
  if (holder !== undefined) {
    if (transfers !== true)
      throw invalidRequest(
        `A price (\`${holder.id}\`) already uses that lookup key. To transfer it to the new price, set \`transfer_lookup_key\`.`,
        { param: "lookup_key" },
      );
    recordChange(ctx, "price", holder.id, { lookup_key: null });
  }
  return key;
}

function updatePrice(ctx: SimContext, id: string, params: Stored<Stripe.PriceUpdateParams>): Price {
  const before = ctx.store.getOrThrow("price", id);
  const isMoved = params.lookup_key !== undefined && params.lookup_key !== before.lookup_key;
  const change: Partial<Price> = {
    metadata: applyMetadata(before.metadata, params.metadata),
    ...(params.active === undefined ? {} : { active: params.active }),
    ...(params.nickname === undefined ? {} : { nickname: params.nickname || null }),
    ...(params.tax_behavior === undefined ? {} : { tax_behavior: params.tax_behavior }),
    ...(isMoved
      ? { lookup_key: claimLookupKey(ctx, params.lookup_key || undefined, params.transfer_lookup_key) }
      : {}),
  };
  return recordChange(ctx, "price", id, change);
}

export const priceIncludes: Includes = {
  price: {
    tiers: (_ctx, price: Price) => price._tiers,
    currency_options: (_ctx, price: Price) => ({
      [price.currency]: {
        custom_unit_amount: null,
        tax_behavior: price.tax_behavior,
        unit_amount: price.unit_amount,
        unit_amount_decimal: price.unit_amount_decimal,
        ...(price._tiers === null ? {} : { tiers: price._tiers }),
      },
    }),
  },
};

export const priceRoutes: Route[] = [
  route<Stripe.PriceCreateParams>(
    "POST",
    "/v1/prices",
    {
      params: "PriceCreateParams",
      response: "Price",
      unsupported: ["currency_options", "custom_unit_amount"],
    },
    (ctx, { params }) => createPrice(ctx, params),
  ),
  route("GET", "/v1/prices/:id", { response: "Price" }, (ctx, { path }) =>
    ctx.store.getOrThrow("price", path["id"] ?? ""),
  ),
  route<Stripe.PriceUpdateParams>(
    "POST",
    "/v1/prices/:id",
    { params: "PriceUpdateParams", response: "Price", unsupported: ["currency_options"] },
    (ctx, { params, path }) => updatePrice(ctx, path["id"] ?? "", params),
  ),
  listRoute<Stripe.PriceListParams>(
    "/v1/prices",
    { params: "PriceListParams", response: "Price" },
    (ctx, { params }) =>
      ctx.store
        .list("price")
        .toReversed()
        .filter(
          (price) =>
            isAsked(price.active, params.active) &&
            isAsked(price.currency, params.currency) &&
            isAsked(price.product, params.product) &&
            isAsked(price.type, params.type) &&
            isAsked(price.recurring?.interval, params.recurring?.interval) &&
            isAsked(price.recurring?.usage_type, params.recurring?.usage_type) &&
            isAsked(price.recurring?.meter, params.recurring?.meter) &&
            inRange(price.created, params.created) &&
            (params.lookup_keys === undefined || params.lookup_keys.includes(price.lookup_key ?? "")),
        ),
  ),
];
