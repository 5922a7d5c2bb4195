import { createHash, randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { system } from "../system.ts";
import { findChromium } from "./find-chromium.ts";

const executablePath = findChromium();
if (executablePath === null) {
  process.stderr.write(
    "browser tests are left out: there is no Chromium here. Install one (apt-get install chromium), or name it in " +
      "CHROMIUM_PATH.\n",
  );
}

/** `describe` for tests in a real browser: left out, with the reason printed, where there is none. */
export const describeInBrowser = executablePath === null ? describe.skip : describe;

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface VisitOptions {
  width?: number;
}

/** A browser for one file; each visit is a person with a browser of their own. */
export function useBrowser() {
  let browser: Browser;
  let contexts: BrowserContext[] = [];
  let faults: string[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: flags });
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of contexts) await context.close();
    const seen = faults;
    contexts = [];
    faults = [];
    expect(seen, "faults of the page itself").toEqual([]);
  });

  /** A page that has nothing of any other. What it throws, or its policy blocks, fails the test. */
  async function visit({ width = 1280 }: VisitOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 800 }, locale: "en-US" });
    contexts.push(context);
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !isAnswer(message.text())) faults.push(message.text());
    });
    return page;
  }

  /** A visit of the customer of an account, signed in by a one-time link. */
  async function signIn(accountId: string, options?: VisitOptions): Promise<Page> {
    const page = await visit(options);
    await page.goto(await signInUrl(accountId));
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    return page;
  }

  return { visit, signIn };
}

// An answer of 4xx or 5xx, or none, is for the page to tell; Chromium reports it as well.
const isAnswer = (text: string): boolean => text.startsWith("Failed to load resource");

/** What opens the front end as an account, as `webUrl` does for the first of the demo's. */
async function signInUrl(accountId: string): Promise<string> {
  const { key } = await makeKey(accountId);
  const token = randomUUID();
  const redis = new Redis(system().dev.redisUrl);
  try {
    await redis.set(`demo:login:${createHash("sha256").update(token).digest("hex")}`, key, "EX", 60);
  } finally {
    redis.disconnect();
  }
  return `${system().dev.apiUrl}/#token=${token}`;
}

async function makeKey(accountId: string): Promise<{ id: string; key: string }> {
  const { request, dev } = system();
  const { status, body } = await request<{ id: string; key: string }>("POST", "/operator/keys", {
    bearer: dev.operatorKey,
    body: { accountId, name: "browser", scopes: ["billing:read", "billing:write"] },
  });
  expect(status).toBe(201);
  return body;
}
