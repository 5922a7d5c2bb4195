import type { Driver } from "../driver/driver.ts";
import { until } from "../driver/until.ts";
import { dollars } from "./money.ts";
import type { Page } from "./page.ts";
import { createSides } from "./sides.ts";

const hourMs = 3_600_000;
/** All of Stripe but its test clocks, by which the demo's time moves. */
const awayPaths = ["billing", "customers", "events", "invoice", "payment_methods", "subscription"];

/** A week without Stripe, events that come after their month was billed, and a payment that the bank takes back. */
export async function playTrouble(driver: Driver, page: Page): Promise<void> {
  const account = await driver.openAccount("trouble");
  const sides = createSides({ driver, page, account });
  const step = async (text: string) =>
    page.step((await driver.simulatedNow()).toISOString().slice(0, 16), text);

  await step("A third customer is on Pro when Stripe goes away for a week");
  const { period } = await driver.subscribe(account, "pro", "4000000000000259");
  await driver.send(account, { prefix: "before", count: 60_000 });
  await sides.used();
  const faults = [
    ...awayPaths.map((path) => ({ kind: "server-error", pathPrefix: `/v1/${path}`, count: null })),
    { kind: "drop-webhook", count: null },
    { kind: "no-holding", count: null },
  ];
  for (const fault of faults) await driver.simulate("POST", "/_sim/faults", fault);
  await driver.send(account, { prefix: "during", count: 50_000 });
  await driver.travelDays(7);
  page.figure("used, of which Stripe knows 60000", String((await driver.metric(account, "events")).used));

  await step("It is back, and catches up by itself");
  await driver.simulate("DELETE", "/_sim/faults");
  await sides.used();

  await step("The month ends: 10,000 events over");
  await driver.travelTo(new Date(Date.parse(period.end) + hourMs));
  const month = await sides.invoiceThat("the renewal is invoiced", ({ totalMinor }) => totalMinor !== 2_900);
  page.check("$29.00 and $5.00", month.totalMinor === 3_400);
  await sides.invoices();

  await step("A producer finds 4,000 events of that month in a drawer");
  const late = Array.from({ length: 4_000 }, (_, index) => ({
    id: `late-${index}`,
    metric: "events",
    accountId: account,
    timestamp: new Date(Date.parse(period.end) - 24 * hourMs).toISOString(),
  }));
  const told = await driver.expectOk<{ accepted: number }>("POST", "/billing/usage", {
    body: { events: late },
  });
  page.figure("accepted", String(told.accepted));
  const { period: second } = await driver.subscription(account);
  await driver.travelTo(new Date(Date.parse(second.end) + hourMs));
  const renewal = await sides.invoiceThat(
    "they are on the next invoice",
    ({ lines, status }) => status === "paid" && lines.some(({ amountMinor }) => amountMinor === 200),
  );
  for (const line of renewal.lines)
    page.figure("  line", `${dollars(line.amountMinor)}  ${line.description ?? ""}`);
  page.check("$2.00 for them beside the month's $29.00", renewal.totalMinor === 3_100);
  await sides.invoices();

  await step("The bank takes a payment back");
  const { data: disputes } = await driver.stripe.disputes.list({ limit: 100 });
  page.check("Stripe has a dispute of the first payment", disputes.length > 0);
  const state = await until("the dispute is known", async () => {
    const { paymentState, access } = await driver.subscription(account);
    return paymentState === "disputed" ? `${paymentState}, access ${access}` : null;
  });
  page.figure("payment state", state);
  for (const { id, status } of disputes)
    if (status === "needs_response") await driver.stripe.disputes.close(id);
  await sides.plan();
}
