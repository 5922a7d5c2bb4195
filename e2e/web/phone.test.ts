import { until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";

const width = 360;
const widthOfPage = "document.documentElement.scrollWidth";

describeInBrowser("on a phone", () => {
  const { visit, signIn } = useBrowser();

  test("no page is wider than the screen", async () => {
    const driver = system();
    const account = await driver.openAccount("phone");
    await driver.subscribe(account, "pro");
    const [invoice] = await until("the invoice is there", async () => {
      const invoices = await driver.invoices(account);
      return invoices.length > 0 && invoices;
    });
    const page = await signIn(account, { width });
    const paths = [
      "/app",
      "/app/plans",
      "/app/plans/business",
      "/app/cancel",
      "/app/payment",
      "/app/invoices",
    ];
    for (const path of [...paths, `/app/invoices/${invoice?.id}`]) {
      await page.goto(driver.dev.apiUrl + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator(".loading").first().waitFor({ state: "detached" });
      expect(await page.evaluate(widthOfPage), path).toBe(width);
    }
  });

  test("nor is the pricing", async () => {
    const page = await visit({ width });
    await page.goto(system().dev.apiUrl);
    await page.getByRole("article", { name: "Pro" }).waitFor();
    expect(await page.evaluate(widthOfPage)).toBe(width);
  });
});
