import type Stripe from "stripe";
import { recordChange } from "../billing/record-change.ts";
import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { listRoute, route, type Route } from "../http/routes.ts";
import { applyMetadata } from "../metadata.ts";
import type { ObjectOf } from "../objects.ts";
import type { Stored } from "../stored.ts";
import { createProduct } from "./create-product.ts";
import { createPrice } from "./prices.ts";
import { isAsked, inRange, orNull } from "./filters.ts";

type Product = ObjectOf<"product">;

function createWithPrice(ctx: SimContext, params: Stored<Stripe.ProductCreateParams>): Product {
  const product = createProduct(ctx, params);
  if (params.default_price_data === undefined) return product;
  const data = { ...params.default_price_data, product: product.id } as Stored<Stripe.PriceCreateParams>;
  return ctx.store.update("product", product.id, { default_price: createPrice(ctx, data).id });
}

function updateProduct(ctx: SimContext, id: string, params: Stored<Stripe.ProductUpdateParams>): Product {
  const before = ctx.store.getOrThrow("product", id);
  const { metadata, images, marketing_features, package_dimensions, tax_details: _unused, ...plain } = params;
  if (plain.default_price !== undefined) ctx.store.getOrThrow("price", plain.default_price, "default_price");
  const texts = Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, orNull(value)]));
  return recordChange(ctx, "product", id, {
    ...(texts as Partial<Product>),
    ...(images === undefined ? {} : { images: orNull(images) ?? [] }),
    ...(marketing_features === undefined ? {} : { marketing_features: orNull(marketing_features) ?? [] }),
    ...(package_dimensions === undefined ? {} : { package_dimensions: orNull(package_dimensions) }),
    metadata: applyMetadata(before.metadata, metadata),
    updated: ctx.now(),
  });
}

function deleteProduct(ctx: SimContext, id: string): object {
  const product = ctx.store.getOrThrow("product", id);
  if (ctx.store.list("price").some((price) => price.product === id))
    throw invalidRequest("This product cannot be deleted because it has one or more user-created prices.");
  ctx.store.delete("product", id);
  ctx.emit("product.deleted", product);
  return { id, object: "product", deleted: true };
}

export const productRoutes: Route[] = [
  route<Stripe.ProductCreateParams>(
    "POST",
    "/v1/products",
    { params: "ProductCreateParams", response: "Product" },
    (ctx, { params }) => createWithPrice(ctx, params),
  ),
  route("GET", "/v1/products/:id", { response: "Product" }, (ctx, { path }) =>
    ctx.store.getOrThrow("product", path["id"] ?? ""),
  ),
  route<Stripe.ProductUpdateParams>(
    "POST",
    "/v1/products/:id",
    { params: "ProductUpdateParams", response: "Product" },
    (ctx, { params, path }) => updateProduct(ctx, path["id"] ?? "", params),
  ),
  route("DELETE", "/v1/products/:id", { response: "DeletedProduct" }, (ctx, { path }) =>
    deleteProduct(ctx, path["id"] ?? ""),
  ),
  listRoute<Stripe.ProductListParams>(
    "/v1/products",
    { params: "ProductListParams", response: "Product" },
    (ctx, { params }) =>
      ctx.store
        .list("product")
        .toReversed()
        .filter(
          (product) =>
            isAsked(product.active, params.active) &&
            inRange(product.created, params.created) &&
            (params.ids === undefined || params.ids.includes(product.id)),
        ),
  ),
];
