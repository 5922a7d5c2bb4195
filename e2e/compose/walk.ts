import { type Driver, until } from "@driftlock/devkit";
import { fiveTotals } from "../five-totals.ts";
import type { Containers } from "./containers.ts";

export type Expect = (what: string, found: unknown, wanted: unknown) => void;

interface Walk {
  driver: Driver;
  containers: Containers;
  expect: Expect;
}

/** Plans as they are priced, and a newcomer on Free with a period. */
export async function walkPlans({ driver, expect }: Walk): Promise<void> {
  const { body } = await driver.request<{ plans: { id: string; price: { amountMinor: number } }[] }>(
    "GET",
    "/billing/plans",
  );
  expect(
    "three plans and their prices",
    body.plans.map(({ id, price }) => `${id} ${price.amountMinor}`),
    ["free 0", "pro 2900", "business 9900"],
  );
  const { planId, period } = await driver.subscription(await driver.openAccount("newcomer"));
  expect("a newcomer's plan", planId, "free");
  const days = (Date.parse(period.end) - Date.parse(period.start)) / 86_400_000;
  expect("its period is a month", days >= 28 && days <= 31, true);
}

/** A browser is signed in by a link, once, and sees its own account. */
export async function walkSignIn({ driver, containers, expect }: Walk): Promise<void> {
  const link = await containers.compose("exec", "-T", "api", "driftlock", "web-link", "--account", "visitor");
  const token = new URL(link.trim()).hash.replace("#token=", "");
  const signIn = () =>
    driver.request<{ userToken: string }>("POST", "/auth/demo-session", { body: { token } });
  const bearer = (await signIn()).body.userToken;
  const { status, body } = await driver.request("GET", "/billing/subscription", { bearer });
  expect(
    "a browser signed in by a link",
    [status, body["accountId"], body["planId"]],
    [200, "visitor", "free"],
  );
  expect("the link again", (await signIn()).status, 401);
  const page = await fetch(driver.dev.apiUrl);
  expect("the web", [page.status, (await page.text()).includes("<script")], [200, true]);
}

/** 10,000 events on Free, one more, all of them again, and one with another quantity. */
export async function walkFreeQuota({ driver, expect }: Walk): Promise<void> {
  const account = await driver.openAccount("free");
  const post = (event: object) =>
    driver.request("POST", "/billing/usage", { body: { metric: "events", accountId: account, ...event } });
  expect("10,000 events", (await driver.send(account, { prefix: "e", count: 10_000 })).accepted, 10_000);
  const next = await post({ id: "one-more" });
  expect("the next", [next.status, next.body["code"]], [429, "QUOTA_EXCEEDED"]);
  expect("says when to come again", Number(next.headers.get("retry-after")) > 0, true);
  const again = await driver.send(account, { prefix: "e", count: 10_000 });
  expect("all again", [again.accepted, again.duplicates, again.rejected], [0, 10_000, 0]);
  expect("an id with another quantity", (await post({ id: "e-17", quantity: 2 })).status, 409);
  expect("used", (await driver.metric(account, "events")).used, 10_000);
}

/** Two checkouts at once, a declined card, then one that pays, while the ingester dies before its webhooks come. */
export async function walkCheckout({ driver, containers, expect }: Walk): Promise<void> {
  const account = await driver.openAccount("buyer");
  const [one, two] = await Promise.all([driver.checkout(account, "pro"), driver.checkout(account, "pro")]);
  expect("two checkouts at once", one, two);
  const page = await fetch(one.url);
  expect("the page to pay on opens from here", page.status, 200);
  await page.body?.cancel();
  const declined = await driver.pay(one.sessionId, "4000000000000002");
  expect("a declined card", [declined.status, (await driver.subscription(account)).planId], [402, "free"]);
  const paidAt = performance.now();
  expect("a good card", (await driver.pay(one.sessionId, "4242424242424242")).status, 200);
  await untilPro(driver, account);
  expect("on Pro within 5 s", performance.now() - paidAt < 5_000, true);

  const other = await driver.openAccount("unlucky");
  const session = await driver.checkout(other, "pro");
  await containers.kill("webhook-ingester");
  await driver.pay(session.sessionId, "4242424242424242");
  await untilPro(driver, other);
  const [ingester] = await containers.inspect("webhook-ingester");
  expect("paid while the ingester was dead; it was restarted", (ingester?.RestartCount ?? 0) > 0, true);
}

/**
 * 150,000 events on Pro and a month: an aggregator dies while they are written, a billing worker while the clock is
 * moved. @returns the account.
 */
export async function walkOverage({ driver, containers, expect }: Walk): Promise<string> {
  const account = await driver.openAccount("heavy");
  const { period } = await driver.subscribe(account, "pro");
  const sending = driver.send(account, { prefix: "e", count: 150_000 });
  await until("some are counted", async () => (await driver.metric(account, "events")).used > 20_000, 60_000);
  await containers.kill("usage-aggregator");
  expect("150,000 events", (await sending).accepted, 150_000);
  expect("used", (await driver.metric(account, "events")).used, 150_000);

  const travelling = driver.travelTo(new Date(Date.parse(period.end) + 3_600_000), 180_000);
  await containers.kill("billing-worker");
  await travelling;
  // The clock waits 15 s for a process that is dead; what it had begun is taken up by another.
  await until(
    "the renewal is paid",
    async () => (await renewals(driver, account))[0]?.endsWith("paid"),
    120_000,
  );
  expect("invoices but the first", await renewals(driver, account), ["5400 usd paid"]);
  expect("used in the new period", (await driver.metric(account, "events")).used, 0);
  expect("it begins where the old one ended", (await driver.subscription(account)).period.start, period.end);
  expect("five totals", await fiveTotals(driver, account, "events", period), {
    accepted: 150_000,
    stored: 150_000,
    counted: 150_000,
    reported: 150_000,
    invoiced: 150_000,
  });
  return account;
}

export async function renewals(driver: Driver, account: string): Promise<string[]> {
  return (await driver.invoices(account))
    .filter(({ totalMinor }) => totalMinor !== 2_900)
    .map(({ totalMinor, currency, status }) => `${totalMinor} ${currency} ${status}`);
}

const untilPro = (driver: Driver, account: string) =>
  until(
    `${account} is on Pro`,
    async () => {
      const { planId, status } = await driver.subscription(account);
      return planId === "pro" && status === "active";
    },
    60_000,
  );
