import type { Stripe } from "@driftlock/stripe";

/** All that Stripe says of one account, at one moment. */
export interface StripeFacts {
  /** Its customer; null where it has none any more. */
  customer: Stripe.Customer | null;
  subscriptions: Stripe.Subscription[];
  invoices: Stripe.Invoice[];
  methods: Stripe.PaymentMethod[];
  charges: Stripe.Charge[];
  refunds: Stripe.Refund[];
  intents: ReadonlyMap<string, Stripe.PaymentIntent>;
}

/** Reads Stripe afresh, each kind of object once for all accounts. */
export async function readStripe(
  stripe: Stripe,
  accounts: readonly { customerIds: readonly string[] }[],
): Promise<StripeFacts[]> {
  const subscriptions = byCustomer(await all(stripe.subscriptions.list({ status: "all", limit: 100 })));
  const invoices = byCustomer(await all(stripe.invoices.list({ limit: 100, expand: ["data.payments"] })));
  const charges = byCustomer(await all(stripe.charges.list({ limit: 100 })));
  const customers = new Map(
    (await all(stripe.customers.list({ limit: 100 }))).map((each) => [each.id, each]),
  );
  const intents = new Map(
    (await all(stripe.paymentIntents.list({ limit: 100 }))).map((each) => [each.id, each]),
  );
  const refunds = await all(stripe.refunds.list({ limit: 100 }));
  return Promise.all(
    accounts.map(async ({ customerIds }): Promise<StripeFacts> => {
      const of = <T>(map: ReadonlyMap<string, T[]>) => customerIds.flatMap((id) => map.get(id) ?? []);
      const customer = customerIds.flatMap((id) => customers.get(id) ?? [])[0] ?? null;
      const own = of(charges);
      return {
        customer,
        subscriptions: of(subscriptions),
        invoices: of(invoices),
        methods:
          customer === null
            ? []
            : await all(stripe.customers.listPaymentMethods(customer.id, { limit: 100 })),
        charges: own,
        refunds: refunds.filter(({ charge }) => own.some(({ id }) => id === charge)),
        intents,
      };
    }),
  );
}

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of list) found.push(each);
  return found;
}

/** Stripe lists the newest first; here the oldest come first. */
function byCustomer<T extends { customer: string | { id: string } | null }>(objects: T[]): Map<string, T[]> {
  const map = new Map<string, T[]>();
  for (const each of objects.toReversed()) {
    const customer = typeof each.customer === "string" ? each.customer : (each.customer?.id ?? "");
    map.set(customer, [...(map.get(customer) ?? []), each]);
  }
  return map;
}
