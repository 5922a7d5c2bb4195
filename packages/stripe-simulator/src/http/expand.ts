import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import type { ObjectType } from "../objects.ts";
import { render } from "./render.ts";

/**
 * Fields that Stripe includes only when they are expanded, by object type and field: how to compute them from the
 * stored object. A result in stored form is rendered; an id may be returned and is looked up like any other.
 */
export type Includes = { [type: string]: { [field: string]: (ctx: SimContext, object: never) => unknown } };

const TYPE_OF_PREFIX: Record<string, ObjectType> = {
  bpc: "billing_portal.configuration",
  ch: "charge",
  clock: "test_helpers.test_clock",
  cn: "credit_note",
  cs: "checkout.session",
  cus: "customer",
  du: "dispute",
  ii: "invoiceitem",
  in: "invoice",
  inpay: "invoice_payment",
  mtr: "billing.meter",
  pi: "payment_intent",
  pm: "payment_method",
  price: "price",
  prod: "product",
  re: "refund",
  seti: "setup_intent",
  sub: "subscription",
  sub_sched: "subscription_schedule",
};

const LEVELS_MAX = 4;

const TYPE_OF_FIELD: Record<string, ObjectType> = {
  product: "product",
  price: "price",
  customer: "customer",
};

/** Renders stored objects for an answer and follows the `expand` paths, at most four levels deep as at Stripe (`data` is none). */
export function createExpander(ctx: SimContext, includes: Includes) {
  const find = (field: string, id: string): object | undefined => {
    const prefix = id.replace(/_(test_)?[A-Za-z0-9]+$/, "");
    const type = TYPE_OF_PREFIX[prefix] ?? TYPE_OF_FIELD[field];
    if (type === undefined) return undefined;
    const deleted = type === "customer" ? ctx.store.get("sim.deleted_customer", id) : undefined;
    return ctx.store.get(type, id) ?? deleted;
  };

  const follow = (
    shown: Record<string, unknown>,
    stored: object,
    [field, ...rest]: string[],
    path: string,
  ): void => {
    if (field === undefined) return;
    const objectType = (stored as { object?: string }).object ?? "";
    const include = includes[objectType]?.[field];
    const source =
      include === undefined ? (stored as Record<string, unknown>)[field] : include(ctx, stored as never);
    if (source === undefined) throw cannotExpand(path);
    if (source === null) return;
    if (Array.isArray(source)) {
      const list = (
        Array.isArray(shown[field]) ? shown[field] : source.map((each: object) => render(each))
      ) as unknown[];
      shown[field] = source.map((each: unknown, index) => {
        const target = typeof each === "string" ? find(field, each) : each;
        if (typeof target !== "object" || target === null) throw cannotExpand(path);
        const result =
          typeof list[index] === "object" ? (list[index] as Record<string, unknown>) : render(target);
        follow(result, target, rest, path);
        return result;
      });
      return;
    }
    const target = typeof source === "string" ? find(field, source) : source;
    if (typeof target !== "object" || target === null) throw cannotExpand(path);
    if (typeof shown[field] !== "object" || shown[field] === null) shown[field] = render(target);
    follow(shown[field] as Record<string, unknown>, target, rest, path);
  };

  return (stored: object, paths: string[]): Record<string, unknown> => {
    const shown = render(stored);
    for (const path of paths) {
      const segments = path.split(".");
      if (segments.filter((each) => each !== "data").length > LEVELS_MAX)
        throw invalidRequest(`You cannot expand more than 4 levels of a property. Property: ${path}`, {
          param: "expand",
        });
      follow(shown, stored, segments, path);
    }
    return shown;
  };
}

const cannotExpand = (path: string) =>
  invalidRequest(
    `This property cannot be expanded (${path}). You may want to try expanding a nested property, or this property is not expandable.`,
    { param: "expand" },
  );
