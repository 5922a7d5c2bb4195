import { until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";
import { payWith, sees } from "./checkout-page.ts";

const hoursPast = 2 * 3_600_000;

describeInBrowser("what is owed, and the way out", () => {
  const { signIn } = useBrowser();

  /** An account on Pro whose second invoice met this card. */
  const owing = async (name: string, card: string): Promise<string> => {
    const driver = system();
    const account = await driver.openAccount(name);
    const { period } = await driver.subscribe(account, "pro");
    // Put in the place of the good one, as a card that was good before: its bank is not asked now.
    const customer = await driver.customerOf(account);
    const { id } = await driver.stripe.paymentMethods.attach(card, { customer });
    const [subscription] = (await driver.stripe.subscriptions.list({ customer })).data;
    await driver.stripe.subscriptions.update(subscription?.id ?? "", { default_payment_method: id });
    await driver.travelTo(new Date(Date.parse(period.end) + hoursPast));
    await until(
      "its payment is told",
      async () => (await driver.subscription(account)).paymentState !== "ok",
    );
    return account;
  };
  const bank = (page: Page) => page.frameLocator("iframe[title='Your bank']");
  const isSettled = (account: string) =>
    until("all is paid", async () => (await system().subscription(account)).paymentState === "ok");

  test("a payment that the bank asks about is confirmed on the page; a refusal and a reload change nothing", {
    timeout: 120_000,
  }, async () => {
    const account = await owing("confirms", "pm_card_authenticationRequired");
    const page = await signIn(account);
    await sees(page, "Your bank asks you to confirm a payment");
    await page.getByRole("button", { name: "Confirm payment" }).click();
    await bank(page).getByRole("button", { name: "Fail authentication" }).click();
    await page.getByRole("alert").getByText("Your bank did not confirm the payment").waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await bank(page).getByRole("button", { name: "Complete authentication" }).waitFor();

    await page.reload();
    await page.getByRole("link", { name: "Invoices" }).click();
    await page.getByRole("link", { name: "Confirm the payment of" }).click();
    await sees(page, "To be confirmed");
    await page.getByRole("button", { name: "Confirm payment" }).click();
    await bank(page).getByRole("button", { name: "Complete authentication" }).click();
    await sees(page, "The payment is confirmed");
    await page.getByText("Paid", { exact: true }).waitFor();
    await isSettled(account);
  });

  test("confirmed, and then declined, is said with the reason", { timeout: 120_000 }, async () => {
    const account = await owing("broke", "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds");
    const page = await signIn(account);
    await page.getByRole("button", { name: "Confirm payment" }).click();
    await bank(page).getByRole("button", { name: "Complete authentication" }).click();
    await sees(page, "There was not enough money on the card’s account.");
    expect(await system().subscription(account)).not.toMatchObject({ paymentState: "ok" });
  });

  test("what was paid in another tab meanwhile is told, and not asked for again", {
    timeout: 120_000,
  }, async () => {
    const account = await owing("two-tabs", "pm_card_authenticationRequired");
    const { dueInvoice } = await system().subscription(account);
    const [page, other] = [await signIn(account), await signIn(account)];
    await page.goto(`${system().dev.apiUrl}/app/invoices/${dueInvoice?.id}?payment_intent=pi_1`);
    await page.getByRole("alert").getByText("Your bank did not confirm the payment").waitFor();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await other.getByRole("button", { name: "Confirm payment" }).click();
    await bank(other).getByRole("button", { name: "Complete authentication" }).click();
    await sees(other, "The payment is confirmed");
    await page.reload();
    await sees(page, "The payment is confirmed");
    expect(await page.getByRole("button", { name: /Confirm|Try again/ }).count()).toBe(0);
  });

  test("a declined invoice says why, and is paid at Stripe’s page", { timeout: 120_000 }, async () => {
    const account = await owing("pays-now", "pm_card_chargeCustomerFail");
    const page = await signIn(account);
    await sees(page, /Your bank declined it without a reason.*We try your card again on/);
    await page.getByRole("link", { name: "Invoices" }).click();
    await page.getByRole("link", { name: /^Pay now/ }).waitFor();
    await page
      .getByRole("row", { name: /Payment failed/ })
      .getByRole("link")
      .first()
      .click();
    await sees(page, "The last payment failed.");
    await page.getByRole("link", { name: "Pay $29.00 now" }).click();
    await payWith(page, "4242 4242 4242 4242");
    await sees(page, "paid");
    await isSettled(account);
    await page.goto(`${system().dev.apiUrl}/app`);
    await sees(page, "Renews on");
    expect(await page.getByText("Your last payment failed").count()).toBe(0);
  });

  test("a card that ends soon is named ahead", async () => {
    const { openAccount, subscribe, customerOf, stripe, subscription, dev } = system();
    const account = await openAccount("expires");
    const { period } = await subscribe(account, "pro");
    const [card] = (await stripe.customers.listPaymentMethods(await customerOf(account))).data;
    // The month of yesterday: it ends soon, or has just ended.
    const yesterday = new Date(Date.parse(period.start) - 86_400_000);
    await fetch(`${dev.stripeUrl}/_sim/payment_methods/${card?.id}/renew`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${dev.stripeSecretKey}` },
      body: JSON.stringify({
        exp_month: yesterday.getUTCMonth() + 1,
        exp_year: yesterday.getUTCFullYear(),
      }),
    });
    await until("it is known", async () => (await subscription(account)).expiringCard !== null);
    const page = await signIn(account);
    await sees(page, /Your card (expires soon|has expired)/);
    await sees(page, /Visa card ending in 4242/);
    await page.getByRole("link", { name: "Use another card" }).click();
    await page.getByRole("button", { name: "Add a card" }).waitFor();
  });
});

describeInBrowser("how a bill came about", () => {
  const { signIn } = useBrowser();

  test("an invoice's usage is shown with its arithmetic, its parts and its events, a page at a time", {
    timeout: 120_000,
  }, async () => {
    const driver = system();
    const account = await driver.openAccount("asks");
    const { period } = await driver.subscribe(account, "pro");
    await driver.send(account, { prefix: "use", count: 102_000 });
    await driver.travelTo(new Date(Date.parse(period.end) + hoursPast));
    const invoice = await until("the invoice is there", async () =>
      (await driver.invoices(account)).find(
        ({ totalMinor, status }) => totalMinor === 3_000 && status === "paid",
      ),
    );
    const page = await signIn(account);
    await page.goto(`${driver.dev.apiUrl}/app/invoices/${invoice.id}`);
    await sees(page, "Events: 102,000 events are $1.00");
    const events = page.getByRole("region", { name: "Events" });
    await events.getByRole("row", { name: "the first 100,000 included 100,000 $0.00" }).waitFor();
    await events.getByRole("row", { name: "past 100,000 $0.50 for each 1,000 2,000 $1.00" }).waitFor();
    await events.getByText(/102,000 events in 102,000 records, of them 102,000 told to Stripe/).waitFor();
    await events.getByText("The events by their ids").click();
    await events.getByRole("row", { name: "use-0 " }).waitFor();
    await events.getByRole("button", { name: "Show more" }).click();
    await until(
      "there is a second page",
      async () => (await events.getByRole("row", { name: /^use-/ }).count()) > 50,
    );
    await events.getByText("The windows that Stripe was told").click();
    await events.getByRole("row", { name: / 0 – / }).waitFor();
  });
});
