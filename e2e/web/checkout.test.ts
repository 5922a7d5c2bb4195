import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";
import { payWith, sees } from "./checkout-page.ts";

describeInBrowser("checkout", () => {
  const { signIn } = useBrowser();

  const openCheckout = async (page: Page) => {
    await page.getByRole("link", { name: "Plans" }).click();
    await page.getByRole("button", { name: "Choose Pro" }).click();
    await page.waitForURL(`${system().dev.stripeUrl}/**`);
  };

  test("4242 makes the account Pro within 5 s, and the page says so", async () => {
    const page = await signIn(await system().openAccount("buys"));
    await openCheckout(page);
    await payWith(page, "4242 4242 4242 4242");
    await page.getByText("You are on Pro").waitFor({ timeout: 5_000 });
    await page.getByRole("link", { name: "To the overview" }).click();
    await sees(page, "Renews on");
    await sees(page, "0 of 100,000");
  });

  test("a declined card is said on the page, and the account stays Free", async () => {
    const account = await system().openAccount("declined");
    const page = await signIn(account);
    await openCheckout(page);
    await payWith(page, "4000 0000 0000 0002");
    await page.getByRole("alert").getByText("declined").waitFor();
    expect(await system().subscription(account)).toMatchObject({ planId: "free", status: "active" });
    await page.getByRole("link", { name: "Cancel and go back" }).click();
    await sees(page, "You left the payment page, and nothing was charged");
    await sees(page, "You are still on Free.");
  });

  test("it can be walked by keyboard alone", async () => {
    const page = await signIn(await system().openAccount("keys"));
    await pressOn(page, "Plans");
    await page.getByRole("heading", { name: "Plans", exact: true }).waitFor();
    await page.getByRole("button", { name: "Choose Pro" }).waitFor();
    await pressOn(page, "Choose Pro");
    await page.waitForURL(`${system().dev.stripeUrl}/**`);
    await typeInto(page, "Card number", "4242424242424242");
    await typeInto(page, "Expiry (MM / YY)", "12 / 34");
    await typeInto(page, "Security code", "123");
    await page.keyboard.press("Enter");
    await sees(page, "You are on Pro");
    await pressOn(page, "To the overview");
    await sees(page, "Renews on");
  });
});

const tabsMax = 40;

const nameOfFocused = "(document.activeElement?.labels?.[0] ?? document.activeElement)?.textContent?.trim()";

/** Goes on by the tab key until the control of that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let tab = 0; tab < tabsMax; tab += 1) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(nameOfFocused)) === name) return;
  }
  throw new Error(`"${name}" is not reached by the tab key`);
}

async function pressOn(page: Page, name: string): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.press("Enter");
}

async function typeInto(page: Page, name: string, text: string): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.type(text);
}
