/**
 * What is left of a quantity that a plan gives once a billing period, where earlier parts of the period on the same plan
 * have used `carried` of it (DESIGN 4.6: Pro to Business to Pro buys no second allowance). Null is without end.
 */
export const leftOf = <Quantity extends number | null>(
  quantity: Quantity,
  carried: number,
): Quantity extends null ? null : number =>
  (quantity === null ? null : Math.max(0, quantity - carried)) as Quantity extends null ? null : number;
