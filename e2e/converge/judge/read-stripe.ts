import type { Stripe } from "@driftlock/stripe";

/** All that Stripe says of one account, at one moment. */
export interface StripeFacts {
  /** Its customer; null where it has none any more. */
  customer: Stripe.Customer | null;
  subscriptions: Stripe.Subscription[];
  invoices: Stripe.Invoice[];
  /** All lines of each invoice. */
  lines: ReadonlyMap<string, readonly Stripe.InvoiceLineItem[]>;
  schedules: Stripe.SubscriptionSchedule[];
  methods: Stripe.PaymentMethod[];
  charges: Stripe.Charge[];
  refunds: Stripe.Refund[];
  disputes: Stripe.Dispute[];
  intents: ReadonlyMap<string, Stripe.PaymentIntent>;
  /** Lookup keys of prices, by their ids. */
  lookupKeys: ReadonlyMap<string, string | null>;
}

/** Reads Stripe afresh, each kind of object once for all accounts. */
export async function readStripe(
  stripe: Stripe,
  accounts: readonly { customerIds: readonly string[] }[],
): Promise<StripeFacts[]> {
  const subscriptions = byCustomer(await all(stripe.subscriptions.list({ status: "all", limit: 100 })));
  const allInvoices = await all(stripe.invoices.list({ limit: 100, expand: ["data.payments"] }));
  const invoices = byCustomer(allInvoices);
  const lines = new Map(
    await Promise.all(
      allInvoices.map(async (invoice) => [invoice.id, await linesOf(stripe, invoice)] as const),
    ),
  );
  const schedules = byCustomer(await all(stripe.subscriptionSchedules.list({ limit: 100 })));
  const charges = byCustomer(await all(stripe.charges.list({ limit: 100 })));
  const customers = new Map(
    (await all(stripe.customers.list({ limit: 100 }))).map((each) => [each.id, each]),
  );
  const intents = new Map(
    (await all(stripe.paymentIntents.list({ limit: 100 }))).map((each) => [each.id, each]),
  );
  const refunds = await all(stripe.refunds.list({ limit: 100 }));
  const disputes = await all(stripe.disputes.list({ limit: 100 }));
  const prices = await all(stripe.prices.list({ limit: 100 }));
  const lookupKeys = new Map(prices.map((price) => [price.id, price.lookup_key]));
  return Promise.all(
    accounts.map(async ({ customerIds }): Promise<StripeFacts> => {
      const of = <T>(map: ReadonlyMap<string, T[]>) => customerIds.flatMap((id) => map.get(id) ?? []);
      const customer = customerIds.flatMap((id) => customers.get(id) ?? [])[0] ?? null;
      const own = of(charges);
      return {
        customer,
        subscriptions: of(subscriptions),
        invoices: of(invoices),
        lines,
        schedules: of(schedules),
        methods:
          customer === null
            ? []
            : await all(stripe.customers.listPaymentMethods(customer.id, { limit: 100 })),
        charges: own,
        refunds: refunds.filter(({ charge }) => own.some(({ id }) => id === charge)),
        disputes: disputes.filter(({ charge }) => own.some(({ id }) => id === charge)),
        intents,
        lookupKeys,
      };
    }),
  );
}

/** An invoice carries its first ten. */
const linesOf = async (stripe: Stripe, { id, lines }: Stripe.Invoice): Promise<Stripe.InvoiceLineItem[]> =>
  lines.has_more ? all(stripe.invoices.listLineItems(id, { limit: 100 })) : lines.data;

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
