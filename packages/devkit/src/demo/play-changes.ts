import type { Driver } from "../driver/driver.ts";
import { dollars } from "./money.ts";
import type { Page } from "./page.ts";
import { createSides } from "./sides.ts";

const hourMs = 3_600_000;

/**
 * A customer who changes their mind: up in the middle of a month with overage behind them, down at its end, gone and
 * back within an hour. Sums are previewed first, where they can be, and compared with what is charged then.
 */
export async function playChanges(driver: Driver, page: Page): Promise<void> {
  const account = await driver.openAccount("changing");
  const sides = createSides({ driver, page, account });
  const step = async (text: string) =>
    page.step((await driver.simulatedNow()).toISOString().slice(0, 16), text);
  const change = (body: object) =>
    driver.expectOk<{ amountDueMinor: number; pendingPlanId: string | null }>(
      "PATCH",
      "/billing/subscription",
      {
        body: { accountId: account, ...body },
      },
    );

  await step("Another customer takes Pro and sends 120,000 events in ten days");
  await driver.subscribe(account, "pro");
  await driver.send(account, { prefix: "changing", count: 120_000 });
  await driver.travelDays(10);
  await sides.used();

  await step("and moves up to Business: what was used on Pro is billed first, to the second");
  const preview = await change({ planId: "business", preview: true });
  await change({ planId: "business" });
  const upgrade = await sides.invoiceThat(
    "the upgrade is invoiced",
    ({ totalMinor }) => totalMinor !== 2_900,
  );
  page.figure("previewed, charged", `${dollars(preview.amountDueMinor)}, ${dollars(upgrade.totalMinor)}`);
  // Two thirds of a month, to the second: the change came a moment after its preview.
  page.check("charged as previewed", Math.abs(preview.amountDueMinor - upgrade.totalMinor) <= 1);
  page.check(
    "with $10.00 for the 20,000 events over Pro's 100,000",
    upgrade.lines.some(({ amountMinor }) => amountMinor === 1_000),
  );
  await sides.plan();
  await sides.invoices();

  await step("and means to go down again at the month's end");
  const { pendingPlanId } = await change({ planId: "pro" });
  page.check("Pro is to come", pendingPlanId === "pro");
  const { period } = await driver.subscription(account);
  await driver.travelTo(new Date(Date.parse(period.end) + hourMs));
  await sides.plan();
  await sides.invoices();
  page.check("the new month starts at 0", (await driver.metric(account, "events")).used === 0);

  await step("and cancels at once, and takes Pro again within the hour");
  await driver.send(account, { prefix: "changing-again", count: 1_500 });
  await driver.expectOk("DELETE", `/billing/subscription?when=now&accountId=${account}`);
  page.check("on Free", (await driver.subscription(account)).planId === "free");
  await driver.send(account, { prefix: "changing-free", count: 500 });
  await driver.travelDays(1 / 24);
  await driver.subscribe(account, "pro");
  await driver.send(account, { prefix: "changing-back", count: 700 });
  page.check("700 events in the new subscription", (await driver.metric(account, "events")).used === 700);
  await sides.plan();
  await sides.used();
  await sides.invoices();
}
