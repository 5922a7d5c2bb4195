import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";
import { sees } from "./checkout-page.ts";

describeInBrowser("paying", () => {
  const { signIn } = useBrowser();

  const enterCard = async (page: Page, number: string) => {
    await page.getByLabel("Card number").fill(number);
    await page.getByLabel("Expiration date").fill("12 / 34");
    await page.getByLabel("Security code").fill("123");
    await page.getByRole("button", { name: "Save card" }).click();
  };

  test("a declined card is said, and another one is saved, with Elements", async () => {
    const driver = system();
    const account = await driver.openAccount("cards");
    await driver.subscribe(account, "pro");
    const page = await signIn(account);
    await page.getByRole("link", { name: "Payment" }).click();
    await page.getByRole("button", { name: "Add a card" }).click();
    await page.getByRole("button", { name: "Not now" }).click();
    expect(await page.evaluate("document.activeElement?.textContent")).toBe("Add a card");
    await page.keyboard.press("Enter");
    await enterCard(page, "4000000000000002");
    await sees(page, "The card was declined");
    await enterCard(page, "5555555555554444");
    await sees(page, "Your new card is saved");
    const customer = await driver.customerOf(account);
    const cards = await driver.stripe.customers.listPaymentMethods(customer);
    expect(cards.data.map(({ card }) => card?.last4)).toContain("4444");
  });

  test("a failed payment is said with what will happen, and a new card settles it", {
    timeout: 120_000,
  }, async () => {
    const driver = system();
    const account = await driver.openAccount("owes");
    const { period } = await driver.subscribe(account, "pro");
    await driver.changeCard(account, "pm_card_chargeCustomerFail");
    await driver.travelTo(new Date(Date.parse(period.end) + 2 * 3_600_000));
    const page = await signIn(account);
    await sees(page, "Your last payment failed");
    await page.getByRole("link", { name: "Pay $29.00 now" }).waitFor();
    await page.getByRole("link", { name: "Use another card" }).click();
    await page.getByRole("button", { name: "Add a card" }).click();
    await enterCard(page, "4242424242424242");
    await sees(page, "Your new card is saved");
    await page.getByText("Your last payment failed").waitFor({ state: "detached" });
    expect(await driver.subscription(account)).toMatchObject({ status: "active", paymentState: "ok" });
  });

  test("the portal opens, and leads back", async () => {
    const driver = system();
    const account = await driver.openAccount("portal");
    await driver.subscribe(account, "pro");
    const page = await signIn(account);
    await page.getByRole("link", { name: "Payment" }).click();
    await page.getByRole("button", { name: "Open the portal" }).click();
    await page.waitForURL(`${driver.dev.stripeUrl}/**`);
    await page
      .getByRole("link", { name: /return|back/i })
      .first()
      .click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();

    // A browser that shows the page again as it was left finds its button free.
    await page.getByRole("link", { name: "Payment" }).click();
    await page.route(`${driver.dev.stripeUrl}/**`, (route) => route.abort("aborted"));
    await page.getByRole("button", { name: "Open the portal" }).click();
    await page.getByRole("button", { name: "Opening the portal…" }).waitFor();
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    await page.getByRole("button", { name: "Open the portal" }).waitFor();
  });
});
