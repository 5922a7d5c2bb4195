import { readFile } from "node:fs/promises";
import { createPublicKey, verify } from "node:crypto";
import { createDb, type Db, sql, usageQuarantine } from "@driftlock/db";
import { until } from "@driftlock/devkit";
import { meterTotal } from "@driftlock/stripe";
import { Redis } from "ioredis";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";
import { sees } from "./checkout-page.ts";

const focused = "document.activeElement?.ariaLabel ?? document.activeElement?.textContent";

interface Row {
  id: string;
  state: string;
  differences: { kind: string }[];
}

describeInBrowser("the operator’s pages", () => {
  const { visit } = useBrowser();
  const driver = system();
  const { apiUrl, operatorKey } = driver.dev;
  let db: Db;
  beforeAll(() => {
    db = createDb({ connectionString: driver.dev.databaseUrl, applicationName: "test", connectionsMax: 2 });
  });
  afterAll(() => db.end());

  const enter = async (page: Page, key: string) => {
    await page.getByLabel("Operator key").fill(key);
    await page.getByRole("button", { name: "Go on" }).click();
  };
  const open = async (path = "", width?: number): Promise<Page> => {
    const page = await visit(width === undefined ? {} : { width });
    await page.goto(`${apiUrl}/app/operator${path}`);
    await enter(page, operatorKey);
    await page.getByRole("navigation", { name: "Operator" }).waitFor();
    return page;
  };
  const rowOf = async (accountId: string): Promise<Row | undefined> => {
    const { data } = await driver.expectOk<{ data: Row[] }>(
      "GET",
      `/operator/reconciliation?accountId=${accountId}`,
      { bearer: operatorKey },
    );
    return data.find(({ differences }) => differences.some(({ kind }) => kind === "live")) ?? data[0];
  };

  test("a key is asked for, tried, kept for the tab alone, and forgotten", async () => {
    const page = await visit();
    await page.goto(`${apiUrl}/app/operator/accounts`);
    await enter(page, "dlk_test_none");
    await sees(page, "This key is not taken");
    await enter(page, driver.dev.serviceKey);
    await sees(page, "This key is not an operator’s");
    await enter(page, operatorKey);
    await page.getByRole("heading", { name: "Accounts" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Accounts" }).waitFor();
    expect(await page.evaluate("JSON.stringify([localStorage, location.href])")).not.toContain(operatorKey);

    const other = await visit();
    await other.goto(`${apiUrl}/app/operator`);
    await other.getByLabel("Operator key").waitFor();

    await page.getByRole("button", { name: "Forget the key" }).click();
    await page.getByLabel("Operator key").waitFor();
    expect(await page.evaluate("JSON.stringify(sessionStorage)")).not.toContain(operatorKey);
  });

  test("drift is shown with what it means; a repair is seen before it is done; the report is signed", {
    timeout: 120_000,
  }, async () => {
    const account = await driver.openAccount("drifts");
    await driver.send(account, { prefix: "e", count: 5 });
    await until("it is counted", async () => (await driver.metric(account, "events")).used === 5);
    await until("it is compared", () => rowOf(account));
    await breakCounter(account);
    // Seen once, it is made old: a difference is drift after a minute.
    await until("it differs", async () => {
      await db.run(
        "test.again",
        sql`update reconciliations set look_at = now() where account_id = ${account}::text`,
      );
      return (await rowOf(account))?.differences.length === 1;
    });
    await until(
      "it has drifted",
      async () => {
        await db.run(
          "test.old",
          sql`update reconciliations set look_at = now(),
            differences = jsonb_set(differences, '{0,sinceMs}', '1')
          where account_id = ${account}::text and jsonb_array_length(differences) = 1`,
        );
        return (await rowOf(account))?.state === "drifted";
      },
      30_000,
    );

    const page = await open();
    await sees(page, /have drifted|has drifted/);
    await page.getByLabel("Account").fill(account);
    await page.getByRole("button", { name: "Show", exact: true }).click();
    const row = page.getByRole("article", { name: `Events of ${account}` });
    await row.getByText("The counter that quotas are decided by is not the total.").waitFor();
    await row.getByText(/Found 12, should be 5/).waitFor();
    expect(await row.getByRole("button", { name: "Do it" }).count()).toBe(0);
    await row.getByRole("button", { name: "What would a repair do?" }).click();
    await row.getByText("Build the live counter of events anew: 12 becomes 5.").waitFor();
    expect((await driver.metric(account, "events")).used).toBe(12);
    await row.getByRole("button", { name: "Do it" }).click();
    await sees(page, `The repair of Events of ${account} is done`);
    // What it would have done is not offered again.
    await row.getByText("A repair would:").waitFor({ state: "detached" });
    expect(await row.getByRole("button", { name: "Do it" }).count()).toBe(0);
    await until("it is mended", async () => (await driver.metric(account, "events")).used === 5);

    await page.getByLabel("Ended from (UTC)").fill("2020-01-01");
    await page.getByLabel("and before").fill("2040-01-01");
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toBe("reconciliation-2020-01-01-2040-01-01-1.json");
    const report = JSON.parse(await readFile(await saved.path(), "utf8")) as SignedReport;
    await sees(page, report.signature.keyId);
    const { keys } = (await (await fetch(`${apiUrl}/billing/report-keys`)).json()) as ReportKeys;
    const key = keys.find(({ id }) => id === report.signature.keyId)?.publicKey ?? "";
    expect(isSignedBy(report, key)).toBe(true);
  });

  test("what was set aside shows its cost, and is sent in again or discarded on a second word", async () => {
    const account = await driver.openAccount("aside");
    for (const id of ["kept", "thrown"]) await setAside(account, id);
    const page = await open(`/quarantine?accountId=${account}`);
    const kept = page.getByRole("article", { name: "kept" });
    await kept.getByText("Late: you decide.").waitFor();
    await kept.getByRole("button", { name: "What would it cost?" }).click();
    await kept.getByText(/changes (no|0) invoice/).waitFor();
    await kept.getByRole("button", { name: "Send it in again" }).click();
    await kept.getByRole("button", { name: "Yes: send it in again" }).click();
    await kept.waitFor({ state: "detached" });
    await until("it counts", async () => (await driver.metric(account, "events")).used === 3);
    const thrown = page.getByRole("article", { name: "thrown" });
    // By keyboard alone: the question has the focus, and a No gives it back.
    await thrown.getByRole("button", { name: "Discard it" }).focus();
    await page.keyboard.press("Enter");
    await thrown.getByText("It stays uncounted for good.").waitFor();
    expect(await page.evaluate(focused)).toBe("Discard it");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(focused)).toBe("Yes: discard it");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await thrown.getByText("It stays uncounted for good.").waitFor({ state: "detached" });
    expect(await page.evaluate(focused)).toBe("Discard it");
    await page.keyboard.press("Enter");
    await thrown.getByRole("button", { name: "Yes: discard it" }).click();
    await sees(page, "Nothing waits here.");
    await page.getByLabel("State").selectOption("Discarded");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByRole("article", { name: "thrown" }).waitFor();
  });

  test("of two reports in doubt one is at Stripe, the other is sent again: seen first, then done", {
    timeout: 120_000,
  }, async () => {
    const account = await driver.openAccount("doubt");
    await driver.subscribe(account, "pro");
    const customer = await driver.customerOf(account);
    const minuteMs = 60_000;
    const nowMs = (await driver.simulatedNow()).getTime();
    const at = new Date(Math.floor(nowMs / minuteMs) * minuteMs - 5 * minuteMs);
    const [metric] = await db.rows<{ eventName: string; stripeMeterId: string }>(
      "test.metric",
      sql`select stripe_meter_event_name as "eventName", stripe_meter_id as "stripeMeterId" from metrics where metric = 'events'`,
    );
    const { eventName = "", stripeMeterId = "" } = metric ?? {};
    await driver.stripe.billing.meterEvents.create({
      event_name: eventName,
      identifier: `${account}.1`,
      timestamp: at.getTime() / 1_000,
      payload: { stripe_customer_id: customer, value: "5" },
    });
    // Of a period that is none of its own, so that nothing else looks at them.
    await db.run(
      "test.reports",
      sql`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity, to_quantity,
        stripe_customer_id, meter_event_name, event_at, state, created_at, sent_at, compare_tries, doubted_at)
      select ${account}::text || '.' || n, ${account}::text, 'events', '2020-01-01', n, n * 5 - 5, n * 5, ${customer}::text,
        ${eventName}::text, ${at}::timestamptz, 'sent', ${at}::timestamptz, ${at}::timestamptz, 4, ${at}::timestamptz
      from generate_series(1, 2) n`,
    );
    const page = await open(`/reports?accountId=${account}`);
    const lane = page.getByRole("article", { name: `${eventName} of ${customer}` });
    await lane.getByText("Taken, and not in Stripe’s summaries.").waitFor();
    const [there, lost] = [1, 2].map((no) => lane.getByRole("region", { name: `${account}.${no}` }));
    await lost?.getByRole("button", { name: "Stripe does not have it" }).click();
    await lost?.getByText(/is sent under a new identifier; without it .* we have 5, Stripe 5/).waitFor();
    await lost?.getByRole("button", { name: "Yes: Stripe does not have it" }).click();
    await sees(page, `${account}.2: stripe does not have it`);
    await there?.getByRole("button", { name: "Stripe has it" }).click();
    await there?.getByRole("button", { name: "Yes: Stripe has it" }).click();
    await sees(page, "No report is in doubt.");
    const span = {
      stripeMeterId,
      stripeCustomerId: customer,
      from: at,
      until: new Date(at.getTime() + minuteMs),
    };
    await until("it is sent again", async () => (await meterTotal(driver.stripe, span)) === 10, 30_000);
  });

  test("an unpaid invoice is found, tried and given up; its account is found by a part of its name", {
    timeout: 120_000,
  }, async () => {
    const account = await driver.openAccount("unpaid");
    const { period } = await driver.subscribe(account, "pro");
    await driver.changeCard(account, "pm_card_chargeCustomerFail");
    await driver.travelTo(new Date(Date.parse(period.end) + 2 * 3_600_000));
    await until(
      "it is past due",
      async () => (await driver.subscription(account)).paymentState === "past_due",
    );
    const page = await open("/dunning");
    const item = page.getByRole("article").filter({ has: page.getByRole("link", { name: account }) });
    await item.getByText("Tried again").waitFor();
    await item.getByRole("button", { name: "Try the payment now" }).click();
    await item.getByRole("button", { name: "Yes: try the payment now" }).click();
    await item.getByText("Each of our tries").click();
    await item.getByRole("cell", { name: "an operator" }).waitFor();
    await item.getByRole("button", { name: "Stop collecting" }).click();
    await item.getByRole("button", { name: "Yes: stop collecting" }).click();
    await item.waitFor({ state: "detached" });

    await page.getByRole("link", { name: "Accounts" }).click();
    await page.getByLabel("Id, name").fill(account.slice(0, 12).toUpperCase());
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByRole("link", { name: account }).click();
    await page.getByRole("heading", { name: account }).waitFor();
    await page.getByRole("row", { name: /pro, version/ }).waitFor();
    await page.getByRole("link", { name: "Set aside" }).last().click();
    await sees(page, "Nothing waits here.");
  });

  test("no page is wider than a phone’s screen", async () => {
    const account = await driver.openAccount("narrow");
    await setAside(account, "wide-".repeat(20));
    const page = await open("", 360);
    for (const path of [
      "",
      "/dunning",
      "/quarantine",
      "/reports",
      "/late-usage",
      "/accounts",
      `/accounts/${account}`,
    ]) {
      await page.goto(`${apiUrl}/app/operator${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator(".loading").first().waitFor({ state: "detached" });
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBe(360);
    }
  });

  /** An event of three that came too late, as the aggregator sets it aside. */
  const setAside = async (accountId: string, id: string): Promise<void> => {
    const at = (await driver.simulatedNow()).getTime();
    await usageQuarantine.insertQuarantined(
      db,
      [
        {
          ...{ accountId, eventId: id, metric: "events", reason: "late", receivedAt: new Date(at) },
          detail: "Its period was closed before it came.",
          payload: {
            ...{ id, accountId, metric: "events", quantity: 3, propertiesJson: null },
            ...{ occurredAtMs: at, receivedAtMs: at },
          },
        },
      ],
      new Date(at),
    );
  };
});

/** Makes the account's live counter of events 7 more than was counted. */
async function breakCounter(accountId: string): Promise<void> {
  const redis = new Redis(system().dev.redisUrl);
  try {
    for (const key of await redis.keys("{dlu:*}:live")) {
      for (const field of await redis.hkeys(key))
        if (field.startsWith(`${accountId}:`) && field.endsWith(":events"))
          await redis.hincrby(key, field, 7);
    }
  } finally {
    redis.disconnect();
  }
}

interface SignedReport {
  payload: object;
  signature: { keyId: string; value: string };
}

interface ReportKeys {
  keys: { id: string; publicKey: string }[];
}

/** As docs/runbooks/mend-a-drift.md says to check it. */
function isSignedBy({ payload, signature }: SignedReport, publicKey: string): boolean {
  const sorted = (_key: string, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  const bytes = Buffer.from(JSON.stringify(payload, sorted));
  return verify(null, bytes, createPublicKey(publicKey), Buffer.from(signature.value, "base64"));
}
