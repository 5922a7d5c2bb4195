import { expect, test } from "vitest";
import { system } from "../system.ts";
import { describeInBrowser, useBrowser } from "./browser.ts";
import { sees } from "./checkout-page.ts";

describeInBrowser("signing in", () => {
  const { visit, signIn } = useBrowser();

  test("a visitor sees the prices, and how to sign in", async () => {
    const page = await visit();
    await page.goto(system().dev.apiUrl);
    for (const [plan, price] of [
      ["Free", "$0"],
      ["Pro", "$29"],
      ["Business", "$99"],
    ] as const) {
      await page.getByRole("article", { name: plan }).getByText(price, { exact: true }).waitFor();
    }
    await sees(page, "100,000 events a month, then $0.50 for each 1,000");
    await sees(page, "To sign in");
    expect(await page.getByRole("link", { name: "Invoices" }).count()).toBe(0);
  });

  test("the link of npm start signs in once, and leaves no token in the address", async () => {
    const { webUrl, accounts } = system().dev;
    const page = await visit();
    await page.goto(webUrl);
    await sees(page, accounts[0]?.id ?? "");
    expect(page.url()).not.toContain("token");
    await page.reload();
    await sees(page, accounts[0]?.id ?? "");

    const second = await visit();
    await second.goto(webUrl);
    await sees(second, "You could not be signed in");
    await sees(second, "This link was used before");
  });

  test("a real installation sends the visitor to its own sign-in page, which sends a token back", async () => {
    const { apiUrl, accounts } = system().dev;
    const [account] = accounts;
    const asked: URL[] = [];
    const visitOf = async () => {
      const page = await visit();
      await page.route("**/app-config.json", async (route) => {
        const config = (await (await route.fetch()).json()) as object;
        await route.fulfill({ json: { ...config, signInUrl: "http://login.example.test/billing" } });
      });
      await page.route("http://login.example.test/**", (route) => {
        const url = new URL(route.request().url());
        asked.push(url);
        const { return_to: back, state } = Object.fromEntries(url.searchParams);
        const location = `${back}#access_token=${account?.userToken}&state=${state}`;
        return route.fulfill({ status: 302, headers: { location } });
      });
      return page;
    };
    const page = await visitOf();
    await page.goto(`${apiUrl}/app/invoices`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Invoices" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    expect(asked.map(({ searchParams }) => searchParams.get("return_to"))).toEqual([
      `${apiUrl}/app/invoices`,
    ]);
    expect(page.url()).not.toContain("token");

    const lured = await visitOf();
    await lured.goto(`${apiUrl}/#access_token=${account?.userToken}&state=guessed`);
    await sees(lured, "You could not be signed in");
    await sees(lured, "This sign-in was not begun in this tab");
  });

  test("signing out ends it", async () => {
    const page = await signIn(await system().openAccount("leaver"));
    await page.getByRole("button", { name: "Sign out" }).click();
    await sees(page, "You are signed out");
    await page.reload();
    await sees(page, "Plans and prices");
    expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
  });

  test("a token that is taken back ends the session in words", async () => {
    const { openAccount, request, dev } = system();
    const account = await openAccount("revoked");
    const page = await signIn(account);
    const keys = await request<{ data: { id: string; accountId: string | null }[] }>(
      "GET",
      "/operator/keys?limit=100",
      { bearer: dev.operatorKey },
    );
    const key = keys.body.data.find(({ accountId }) => accountId === account);
    await request("DELETE", `/operator/keys/${key?.id}`, { bearer: dev.operatorKey });
    await page.getByRole("link", { name: "Invoices" }).click();
    await sees(page, "Your session has ended");
  });

  test("while the server is away it says so, and goes on when it is back", async () => {
    const page = await signIn(await system().openAccount("patient"));
    await page.context().route("**/trpc/invoices.list**", (route) => route.abort());
    await page.getByRole("link", { name: "Invoices" }).click();
    await sees(page, "The server does not answer. Trying again…");
    await sees(page, "Check your connection, then try again.");
    await page.context().unroute("**/trpc/invoices.list**");
    await page.getByRole("button", { name: "Try again" }).click();
    await sees(page, "There are no invoices yet");
  });
});
