import type Stripe from "stripe";
import type { InvoiceView } from "../driver/answers.ts";
import type { Driver } from "../driver/driver.ts";
import { until } from "../driver/until.ts";
import { dollars } from "./money.ts";
import type { Page } from "./page.ts";

const settleMs = 30_000;

/** What DriftLock says of one account beside what a fresh read of Stripe says of its customer. */
export function createSides({ driver, page, account }: { driver: Driver; page: Page; account: string }) {
  const { stripe } = driver;
  const customer = () => driver.customerOf(account);

  const subscriptionAtStripe = async (): Promise<Stripe.Subscription> => {
    const { data } = await stripe.subscriptions.list({ customer: await customer(), limit: 1 });
    const [newest] = data;
    if (newest === undefined) throw new Error(`${account} has no subscription at Stripe`);
    return newest;
  };

  /** Prints both sides' figure once they are the same; a difference that stays is printed, and is a fault. */
  const compare = async (
    name: string,
    ours: () => Promise<string>,
    stripes: () => Promise<string>,
  ): Promise<void> => {
    let seen: [string, string] = ["-", "-"];
    await until(
      `${name} is the same on both sides`,
      async () => {
        seen = [await ours(), await stripes()];
        return seen[0] === seen[1];
      },
      settleMs,
    ).catch(() => {});
    page.both(name, ...seen);
  };

  const sumUp = (invoices: readonly { status: string | null; totalMinor: number }[]): string => {
    const final = invoices.filter(({ status }) => status !== "draft");
    return `${final.length} of ${dollars(final.reduce((sum, { totalMinor }) => sum + totalMinor, 0))}`;
  };

  return {
    customer,
    subscriptionAtStripe,
    plan: () =>
      compare(
        "plan and status",
        async () => {
          const { planId, status } = await driver.subscription(account);
          return `${planId} ${status}`;
        },
        async () => {
          const { items, status } = await subscriptionAtStripe();
          const key = items.data.find(({ price }) => price.recurring?.usage_type === "licensed")?.price
            .lookup_key;
          return `${/^driftlock_([a-z]+)_v\d+$/.exec(key ?? "")?.[1] ?? "-"} ${status}`;
        },
      ),
    /** All that were finalized, by number and sum. */
    invoices: () =>
      compare(
        "invoices",
        async () => sumUp(await driver.invoices(account)),
        async () => {
          const { data } = await stripe.invoices.list({ customer: await customer(), limit: 100 });
          return sumUp(data.map(({ status, total }) => ({ status, totalMinor: total })));
        },
      ),
    /** Events used in the present period, beside what Stripe's meter has summed up for it. */
    used: () =>
      compare(
        "events used, at the meter",
        async () => String((await driver.metric(account, "events")).used),
        async () => {
          const { data: meters } = await stripe.billing.meters.list({ limit: 100 });
          const { period } = await driver.subscription(account);
          const minute = (instant: string, round: (minutes: number) => number) =>
            round(Date.parse(instant) / 60_000) * 60;
          const { data } = await stripe.billing.meters.listEventSummaries(
            meters.find(({ event_name }) => event_name.endsWith("events"))?.id ?? "",
            {
              customer: await customer(),
              start_time: minute(period.start, Math.floor),
              end_time: minute(period.end, Math.ceil),
            },
          );
          return String(data.reduce((sum, { aggregated_value }) => sum + aggregated_value, 0));
        },
      ),
    /** Waits for the first invoice that is as `isWanted` says. */
    invoiceThat: (what: string, isWanted: (invoice: InvoiceView) => boolean): Promise<InvoiceView> =>
      until(
        what,
        async () => (await driver.invoices(account)).find((invoice) => isWanted(invoice)),
        settleMs,
      ),
  };
}
