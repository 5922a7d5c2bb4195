import { describe, expect, test } from "vitest";
import { createSession } from "./session.ts";

function fakeTab(options: { fragment?: string; kept?: string; answers?: (() => Promise<Response>)[] } = {}) {
  const items = new Map<string, string>(options.kept ? [["driftlock.userToken", options.kept]] : []);
  const tab = { fragment: options.fragment ?? "", exchanged: [] as string[], wentTo: [] as string[] };
  const answers = [...(options.answers ?? [])];
  const session = createSession({
    storage: {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    },
    readFragment: () => tab.fragment,
    removeFragment: () => {
      tab.fragment = "";
    },
    exchange: (token) => {
      tab.exchanged.push(token);
      expect(tab.fragment).toBe("");
      return answers.shift()?.() ?? Promise.reject(new TypeError("no answer"));
    },
    leaveTo: (url) => void tab.wentTo.push(url),
    readAddress: () => "https://billing.example/app/invoices?page=2",
    createState: () => "unguessable",
  });
  return { session, tab, items };
}

const granted = async () => Response.json({ userToken: "jwt" });
const refused = async () =>
  Response.json({ code: "UNAUTHENTICATED", status: 401, detail: "used before" }, { status: 401 });

describe("a session", () => {
  test("is a visitor's without a token", async () => {
    const { session, tab } = fakeTab();
    await session.redeemFragment();
    expect(session.read()).toEqual({ kind: "visitor", ended: null });
    expect(tab.exchanged).toEqual([]);
  });

  test("begins with the fragment's token, which leaves the address first", async () => {
    const { session, items } = fakeTab({ fragment: "#token=once", answers: [granted] });
    await session.redeemFragment();
    expect(session.read()).toEqual({ kind: "signed-in", userToken: "jwt" });
    expect(items.get("driftlock.userToken")).toBe("jwt");
  });

  test("outlives a reload of its tab", () => {
    expect(fakeTab({ kept: "jwt" }).session.read()).toEqual({ kind: "signed-in", userToken: "jwt" });
  });

  test("does not begin with a used link, and an older one is over", async () => {
    const { session, items } = fakeTab({ fragment: "#token=once", kept: "old", answers: [refused] });
    await session.redeemFragment();
    expect(session.read()).toMatchObject({ kind: "refused", problem: { detail: "used before" } });
    expect(items.size).toBe(0);
  });

  test("can be tried again when the server was away", async () => {
    const away = () => Promise.reject(new TypeError("fetch failed"));
    const { session, tab } = fakeTab({ fragment: "#token=once", answers: [away, granted] });
    await session.redeemFragment();
    expect(session.read()).toMatchObject({ kind: "refused", problem: { code: "UNREACHABLE" } });
    await session.retry();
    expect(session.read()).toEqual({ kind: "signed-in", userToken: "jwt" });
    expect(tab.exchanged).toEqual(["once", "once"]);
  });

  test("ends when the server refuses its token, and not when it refused an older one", () => {
    const { session, items } = fakeTab({ kept: "jwt" });
    session.expire("older");
    expect(session.read().kind).toBe("signed-in");
    session.expire("jwt");
    expect(session.read()).toEqual({ kind: "visitor", ended: "expired" });
    expect(items.size).toBe(0);
  });

  test("tells who watches", () => {
    const { session } = fakeTab({ kept: "jwt" });
    const seen: string[] = [];
    const stop = session.subscribe(() => seen.push(session.read().kind));
    session.signOut();
    stop();
    expect(seen).toEqual(["visitor"]);
  });

  test("is begun on the sign-in page, and by the token that it sends back with what it was given", async () => {
    const { session, tab, items } = fakeTab();
    session.begin("https://login.example/billing?tenant=7");
    const url = new URL(tab.wentTo[0] ?? "");
    expect(url.origin + url.pathname).toBe("https://login.example/billing");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      tenant: "7",
      return_to: "https://billing.example/app/invoices?page=2",
      state: "unguessable",
    });
    tab.fragment = "#access_token=jwt&state=unguessable&token_type=Bearer";
    await session.redeemFragment();
    expect(tab.fragment).toBe("");
    expect(session.read()).toEqual({ kind: "signed-in", userToken: "jwt" });
    expect(Object.fromEntries(items)).toEqual({ "driftlock.userToken": "jwt" });
  });

  test.each(["#access_token=jwt", "#access_token=jwt&state=other"])(
    "takes no token from a link that it did not ask for: %s",
    async (fragment) => {
      const { session, tab, items } = fakeTab({ kept: "older" });
      session.begin("https://login.example/");
      if (!fragment.includes("other")) items.delete("driftlock.signInState");
      tab.fragment = fragment;
      await session.redeemFragment();
      expect(session.read()).toMatchObject({ kind: "refused", problem: { code: "SIGN_IN_NOT_BEGUN_HERE" } });
      expect(items.size).toBe(0);
    },
  );
});
