import type { Stripe } from "@driftlock/stripe";
import { type CatalogStep, differences, pick } from "./catalog-step.ts";
import type { WantedProduct } from "./wanted-catalog.ts";

/** One product for all versions of a plan, one for each metric that it bills; their ids are ours to choose. */
export async function planProducts(stripe: Stripe, wanted: readonly WantedProduct[]): Promise<CatalogStep[]> {
  if (wanted.length === 0) return [];
  const { data } = await stripe.products.list({ ids: wanted.map(({ id }) => id), limit: 100 });
  return wanted.map(({ id, name, metadata }): CatalogStep => {
    const found = data.find((product) => product.id === id);
    const step = { kind: "product", key: id } as const;
    if (found === undefined)
      return {
        ...step,
        action: "create",
        detail: [name],
        apply: () => stripe.products.create({ id, name, metadata }),
      };
    const detail = differences({
      name: [found.name, name],
      active: [found.active, true],
      metadata: [pick(found.metadata, metadata), metadata],
    });
    return {
      ...step,
      action: detail.length === 0 ? "unchanged" : "change",
      detail,
      apply: async () => {
        if (detail.length > 0) await stripe.products.update(id, { name, metadata, active: true });
      },
    };
  });
}
