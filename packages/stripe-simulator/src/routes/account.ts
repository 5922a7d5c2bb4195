import type { SimContext } from "../context.ts";
import { route, type Route } from "../http/routes.ts";

/** The one account of this simulator; its id is made once and kept. */
function accountId(ctx: SimContext): string {
  return (
    ctx.store.list("test_helpers.test_clock")[0]?.id.replace("clock_", "acct_").slice(0, 21) ??
    "acct_simulator"
  );
}

function balance(ctx: SimContext): object {
  const totals = new Map<string, number>();
  for (const charge of ctx.store.list("charge").filter(({ paid }) => paid))
    totals.set(charge.currency, (totals.get(charge.currency) ?? 0) + charge.amount - charge.amount_refunded);
  if (totals.size === 0) totals.set("usd", 0);
  const available = [...totals].map(([currency, amount]) => ({
    amount,
    currency,
    source_types: { card: amount },
  }));
  return {
    object: "balance",
    available,
    livemode: false,
    pending: available.map((each) => ({ ...each, amount: 0, source_types: { card: 0 } })),
  };
}

const account = (ctx: SimContext): object => ({
  id: accountId(ctx),
  object: "account",
  business_type: "company",
  charges_enabled: true,
  country: "US",
  default_currency: "usd",
  details_submitted: true,
  email: "billing@driftlock.test",
  payouts_enabled: true,
  type: "standard",
});

export const accountRoutes: Route[] = [
  route("GET", "/v1/account", {}, account),
  route("GET", "/v1/accounts/:id", {}, account),
  route("GET", "/v1/balance", {}, balance),
];
