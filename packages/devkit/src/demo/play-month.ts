import type { Driver } from "../driver/driver.ts";
import { startNoticeReceiver } from "../driver/notice-receiver.ts";
import { until } from "../driver/until.ts";
import { dollars } from "./money.ts";
import type { Page } from "./page.ts";

/**
 * Plays a customer's month and what follows it: subscribe, 150,000 events, an invoice with overage, a payment that
 * fails, dunning, recovery. After each step it prints what DriftLock says beside what Stripe says.
 */
export async function playMonth(driver: Driver, page: Page): Promise<void> {
  const notices = await startNoticeReceiver();
  const account = await driver.openAccount("demo");
  await driver.request("PUT", "/billing/notification-endpoints", {
    body: { accountId: account, endpoints: [{ url: notices.url }] },
  });
  const at = async () => (await driver.simulatedNow()).toISOString().slice(0, 16);
  const live = async () => {
    const subscriptions = await driver.stripe.subscriptions.list({
      customer: await driver.customerOf(account),
    });
    return subscriptions.data[0];
  };

  page.step(await at(), "A customer subscribes to Pro with 4242 4242 4242 4242");
  const { period } = await driver.subscribe(account, "pro");
  page.both("plan and status", "pro active", `pro ${(await live())?.status ?? "-"}`);

  page.step(await at(), "and sends 150,000 events, some of them twice");
  const sent = await driver.send(account, { prefix: "demo", count: 150_000 });
  const repeated = await driver.send(account, { prefix: "demo", count: 10_000 });
  page.figure("accepted, duplicates of the repeat", `${sent.accepted}, ${repeated.duplicates}`);
  const used = await driver.metric(account, "events");
  page.figure("used, overage", `${used.used}, ${used.overage}`);

  page.step(await at(), "A month passes: usage is closed, reported, invoiced");
  await driver.travelTo(new Date(Date.parse(period.end) + 3_600_000));
  const [invoice] = await driver.invoices(account);
  const stripeInvoice = await driver.stripe.invoices.retrieve(invoice?.id ?? "");
  page.both("invoice", dollars(invoice?.totalMinor), dollars(stripeInvoice.total));
  for (const line of invoice?.lines ?? [])
    page.figure("  line", `${dollars(line.amountMinor)}  ${line.description ?? ""}`);
  page.check(
    "the invoice is $29.00 and $25.00",
    invoice?.totalMinor === 5_400 && stripeInvoice.total === 5_400,
  );
  const fresh = await driver.metric(account, "events");
  page.figure("used in the new period", String(fresh.used));
  page.check("the new period starts at 0", fresh.used === 0);

  page.step(await at(), "The card will be refused from now on; another month passes");
  await driver.changeCard(account, "pm_card_chargeCustomerFail");
  const second = await driver.subscription(account);
  await driver.travelTo(new Date(Date.parse(second.period.end) + 2 * 3_600_000));
  const failing = await driver.subscription(account);
  page.both("status", failing.status, (await live())?.status ?? "-");
  page.check("the account is past due", failing.status === "past_due");

  page.step(await at(), "Dunning tries on days 1 and 3");
  await driver.travelDays(3.5);
  const cases = await driver.request<{ data: { accountId: string; attempts: number; state: string }[] }>(
    "GET",
    "/operator/dunning",
    { bearer: driver.dev.operatorKey },
  );
  const dunning = cases.body.data.find((each) => each.accountId === account);
  page.figure("dunning", `${dunning?.state ?? "-"}, ${dunning?.attempts ?? 0} retries`);
  page.check("two retries were made", dunning?.attempts === 2);

  page.step(await at(), "The customer gives a new card: paid at once");
  await driver.changeCard(account, "pm_card_visa");
  const recovered = await until("the account has recovered", async () => {
    const view = await driver.subscription(account);
    return view.status === "active" ? view : null;
  });
  page.both("status", recovered.status, (await live())?.status ?? "-");
  const told = () => notices.received.map(({ type }) => type);
  await until(
    "the recovery was told",
    () => told().lastIndexOf("invoice.paid") > told().lastIndexOf("invoice.payment_failed"),
  );
  page.figure("notices", told().join(", "));
  await notices.close();
}
