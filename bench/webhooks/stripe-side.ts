/** What both sides must agree on of a subscription. */
export interface SubscriptionState {
  id: string;
  status: string;
  cancelAtPeriodEnd: boolean;
  /** In unix seconds. */
  periodEnd: number;
}

interface StripeObject extends Record<string, unknown> {
  id: string;
}
interface Page {
  data: StripeObject[];
  has_more: boolean;
}

const AT_ONCE = 8;
const MADE_MS_MAX = 120_000;

/** The simulator as a customer's actions change it, and as a fresh read shows it. */
export function createStripeSide({ url, secretKey }: { url: string; secretKey: string }) {
  async function call<Answer>(method: "GET" | "POST", path: string, form: Record<string, string> = {}) {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${secretKey}`, "stripe-version": "2026-10-28.endive" },
      ...(method === "POST" && { body: new URLSearchParams(form) }),
      signal: AbortSignal.timeout(MADE_MS_MAX),
    });
    if (!response.ok) throw new Error(`Stripe answers ${response.status}: ${await response.text()}`);
    return (await response.json()) as Answer;
  }
  const post = (path: string, form: Record<string, string>) => call<StripeObject>("POST", path, form);

  async function subscribe(accountId: string, priceId: string): Promise<string> {
    const metadata = { "metadata[account_id]": accountId };
    const { id: customer } = await post("/v1/customers", metadata);
    const { id: card } = await post("/v1/payment_methods/pm_card_visa/attach", { customer });
    const form = { customer, default_payment_method: card, "items[0][price]": priceId, ...metadata };
    return (await post("/v1/subscriptions", form)).id;
  }

  async function list(): Promise<StripeObject[]> {
    const found: StripeObject[] = [];
    for (let after = ""; ; ) {
      const page = await call<Page>("GET", `/v1/subscriptions?limit=100&status=all${after}`);
      found.push(...page.data);
      if (!page.has_more) return found;
      after = `&starting_after=${found.at(-1)?.id}`;
    }
  }

  return {
    /** A subscription to Business for each account. @returns their ids, in the accounts' order. */
    subscribeAll: async (accountIds: readonly string[]): Promise<string[]> => {
      const { data } = await call<Page>("GET", "/v1/prices?lookup_keys[0]=driftlock_business_v1");
      const [price] = data;
      if (price === undefined) throw new Error("there is no price of Business in the simulator");
      return mapSome(accountIds, (accountId) => subscribe(accountId, price.id));
    },
    /** Every other one shall end with its period, as a customer asks for it. */
    cancelSome: async (ids: readonly string[]): Promise<void> => {
      await mapSome(
        ids.filter((_id, at) => at % 2 === 0),
        (id) => post(`/v1/subscriptions/${id}`, { cancel_at_period_end: "true" }),
      );
    },
    /** As Stripe's JSON, in the order of `ids`. */
    read: async (ids: readonly string[]): Promise<string[]> => {
      const byId = new Map((await list()).map((each) => [each.id, JSON.stringify(each)]));
      return ids.map((id) => byId.get(id) ?? "");
    },
    states: async (): Promise<SubscriptionState[]> =>
      (await list()).map((each) => {
        const { data } = each["items"] as { data: { current_period_end: number }[] };
        return {
          id: each.id,
          status: String(each["status"]),
          cancelAtPeriodEnd: each["cancel_at_period_end"] === true,
          periodEnd: data[0]?.current_period_end ?? 0,
        };
      }),
  };
}

export type StripeSide = ReturnType<typeof createStripeSide>;

async function mapSome<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const run = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as Item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return results;
}
