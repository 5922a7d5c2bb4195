import { type Driver, until } from "@driftlock/devkit";

/** What Stripe knows of an account's metric in its present period, once it is `quantity` or after 30 s. @returns a difference in words. */
export async function untilReported(driver: Driver, accountId: string, quantity: number): Promise<string[]> {
  const [customer, { period }] = await Promise.all([
    driver.customerOf(accountId),
    driver.subscription(accountId),
  ]);
  const meters = await driver.stripe.billing.meters.list({ limit: 100 });
  const meter = meters.data.find(({ event_name }) => event_name.endsWith("events"));
  let reported = -1;
  const agrees = async () => {
    const summaries = await driver.stripe.billing.meters.listEventSummaries(meter?.id ?? "", {
      customer,
      start_time: Math.floor(Date.parse(period.start) / 60_000) * 60,
      end_time: Math.ceil(Date.parse(period.end) / 60_000) * 60,
    });
    reported = summaries.data.reduce((sum, { aggregated_value }) => sum + aggregated_value, 0);
    return reported === quantity;
  };
  return until("Stripe knows", agrees, 30_000).then(
    () => [],
    () => [`${accountId}: stored ${quantity}, reported to Stripe ${reported}`],
  );
}
