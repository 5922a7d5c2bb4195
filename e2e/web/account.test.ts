import { until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";
import { sees } from "./checkout-page.ts";

describeInBrowser("the account", () => {
  const { signIn } = useBrowser();

  test("its usage grows while one looks, and a spent quota is said with the way out", async () => {
    const driver = system();
    const account = await driver.openAccount("uses");
    const page = await signIn(account);
    const meter = page.getByRole("meter", { name: "Events" });
    await meter.waitFor();
    expect(await meter.getAttribute("aria-valuenow")).toBe("0");
    await driver.send(account, { prefix: "first", count: 2_500 });
    await sees(page, "2,500 of 10,000");
    expect(await meter.getAttribute("aria-valuetext")).toBe("2,500 of 10,000, 25%");
    await driver.send(account, { prefix: "rest", count: 7_500 });
    await sees(page, "All used: further events are refused until the period ends.");
    await page.reload();
    await page.getByText("Figures").click();
    await page.locator(".plot").getByRole("cell", { name: "10,000" }).waitFor();
    await page.getByRole("link", { name: "See larger plans" }).click();
    await page.getByRole("button", { name: "Choose Pro" }).waitFor();
  });

  test("what is used past the included amount is shown with its price", async () => {
    const driver = system();
    const account = await driver.openAccount("over");
    await driver.subscribe(account, "pro");
    await driver.send(account, { prefix: "over", count: 102_000 });
    const page = await signIn(account);
    await sees(page, "2,000 beyond what is included: $1.00 so far, at $0.50 for each 1,000.");
  });

  test("a change of plan tells its money first", async () => {
    const driver = system();
    const account = await driver.openAccount("grows");
    await driver.subscribe(account, "pro");
    const page = await signIn(account);
    await page.getByRole("link", { name: "Change plan" }).click();
    await page.getByRole("link", { name: "Upgrade to Business" }).click();
    await page.getByRole("row", { name: /Due with this change \$\d/ }).waitFor();
    expect(await driver.subscription(account)).toMatchObject({ planId: "pro" });
    await page.getByRole("button", { name: "Change to Business" }).click();
    await sees(page, "You are on Business");
    // Read out, and under the heading that one came to.
    await page.getByRole("heading", { name: "Change to Business" }).waitFor();
    expect(await page.evaluate("document.activeElement?.textContent")).toContain("You are on Business");
    expect(await driver.subscription(account)).toMatchObject({ planId: "business" });

    await page.getByRole("link", { name: "Plans" }).click();
    await page.getByRole("link", { name: "Change to Pro" }).click();
    await page.getByRole("button", { name: "Change to Pro" }).click();
    await sees(page, "Pro comes next");
    await page.getByRole("link", { name: "Plans" }).click();
    await page.getByRole("link", { name: "Keep Business" }).click();
    await page.getByRole("button", { name: "Keep Business" }).click();
    await sees(page, "You are on Business");
    expect(await driver.subscription(account)).toMatchObject({ planId: "business", pendingPlanId: null });
  });

  test("cancelled at the period's end, and taken back", async () => {
    const driver = system();
    const account = await driver.openAccount("wavers");
    await driver.subscribe(account, "pro");
    const page = await signIn(account);
    await page.getByRole("link", { name: "Cancel plan" }).click();
    await page.getByRole("button", { name: "End Pro at the period’s end" }).click();
    await sees(page, "Pro is cancelled");
    expect(await driver.subscription(account)).toMatchObject({ planId: "pro", cancelAtPeriodEnd: true });
    await page.getByRole("link", { name: "To the overview" }).click();
    await sees(page, "Ends soon");
    await page.getByRole("button", { name: "Keep Pro" }).click();
    await sees(page, "Your plan goes on");
    await sees(page, "Renews on");
    expect(await driver.subscription(account)).toMatchObject({ planId: "pro", cancelAtPeriodEnd: false });
  });

  test("cancelled at once, it is on Free", async () => {
    const driver = system();
    const account = await driver.openAccount("quits");
    await driver.subscribe(account, "pro");
    const page = await signIn(account);
    await page.getByRole("link", { name: "Cancel plan" }).click();
    await page.getByRole("radio", { name: "Now" }).check();
    await page.getByRole("button", { name: "End Pro now" }).click();
    await sees(page, "Pro has ended");
    await page.getByRole("link", { name: "To the overview" }).click();
    await page.getByRole("link", { name: "Upgrade" }).waitFor();
    await until("it is on Free", async () => (await driver.subscription(account)).planId === "free");
  });

  test("its invoices are listed, with their lines and Stripe's pages", async () => {
    const driver = system();
    const account = await driver.openAccount("invoiced");
    await driver.subscribe(account, "pro");
    await until("the invoice is there", async () => (await driver.invoices(account)).length === 1);
    const page = await signIn(account);
    await page.getByRole("link", { name: "Invoices" }).click();
    await page
      .getByRole("row", { name: /Paid \$29\.00/ })
      .getByRole("link")
      .click();
    await page.getByRole("heading", { name: /^Invoice .+/ }).waitFor();
    await page.getByRole("row", { name: "Total $29.00" }).waitFor();
    for (const name of ["Open at Stripe", "Download PDF"]) {
      const href = await page.getByRole("link", { name }).getAttribute("href");
      expect((await page.request.get(href ?? "")).status()).toBe(200);
    }
  });
});
