import type Stripe from "stripe";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";

/** Makes a product, under the id that was asked for or a new one, and emits `product.created`. */
export function createProduct(
  ctx: SimContext,
  params: Stored<Stripe.ProductCreateParams>,
): ObjectOf<"product"> {
  const id = params.id ?? ctx.newId("prod");
  if (ctx.store.get("product", id) !== undefined)
    throw invalidRequest(`Product already exists.`, { code: "resource_already_exists", param: "id" });
  const product: ObjectOf<"product"> = {
    id,
    object: "product",
    active: params.active ?? true,
    created: ctx.now(),
    default_price: null,
    description: params.description ?? null,
    images: params.images ?? [],
    livemode: false,
    marketing_features: params.marketing_features ?? [],
    metadata: applyMetadata(null, params.metadata),
    name: params.name,
    package_dimensions: params.package_dimensions ?? null,
    shippable: params.shippable ?? null,
    statement_descriptor: params.statement_descriptor ?? null,
    tax_code: params.tax_code ?? null,
    tax_details: null,
    type: params.type ?? "service",
    unit_label: params.unit_label ?? null,
    updated: ctx.now(),
    url: params.url ?? null,
  };
  ctx.store.put("product", product);
  ctx.emit("product.created", product);
  return product;
}
