import type Stripe from "stripe";

/**
 * The stored (and wire) form of a type of the `stripe` package: an expandable field is always its id, a decimal
 * is a string, as in Stripe's JSON.
 */
export type Stored<T> = string extends T
  ? Exclude<T, { id: string } | { deleted: true }>
  : T extends Stripe.Decimal
    ? string
    : T extends readonly (infer U)[]
      ? Stored<U>[]
      : T extends object
        ? { [K in keyof T]: Stored<T[K]> }
        : T;
