import { until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";
import { sees } from "./checkout-page.ts";

interface Alerts {
  metrics: { metric: string; thresholds: { percent: number }[] }[];
}

describeInBrowser("what the account wants to be told of, and may cost", () => {
  const { signIn } = useBrowser();

  test("alerts are switched, and a spend cap is set and taken away", async () => {
    const driver = system();
    const account = await driver.openAccount("careful");
    await driver.subscribe(account, "pro");
    const page = await signIn(account);
    const events = page.getByRole("group", { name: "Tell me of events" });
    const half = events.getByLabel("at 50% of what is included");
    await half.click();
    await until("the switch shows it", async () => !(await half.isChecked()));
    expect(await page.evaluate("document.activeElement?.labels?.[0]?.textContent")).toBe(
      "at 50% of what is included",
    );
    await until("the choice is there", async () => {
      const { body } = await driver.request<Alerts>("GET", `/billing/alerts?accountId=${account}`);
      const chosen = body.metrics.find(({ metric }) => metric === "events")?.thresholds;
      return JSON.stringify(chosen?.map(({ percent }) => percent)) === "[80,100]";
    });
    expect(await half.isChecked()).toBe(false);

    await page.getByLabel("For each period, in USD").fill("12.50");
    await page.getByRole("button", { name: "Set the cap" }).click();
    await sees(page, "Usage that would cost more than $12.50 beyond the included amount is refused.");
    await sees(page, "The cap is set");
    await page.getByRole("button", { name: "Take it away" }).click();
    await sees(page, "The cap is taken away");
    expect(await page.getByLabel("For each period, in USD").inputValue()).toBe("");
    await sees(page, "There is none: what you use beyond the included amount is billed.");
  });
});
