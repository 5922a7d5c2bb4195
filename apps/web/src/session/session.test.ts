import { describe, expect, test } from "vitest";
import { createSession } from "./session.ts";

function fakeTab(options: { fragment?: string; kept?: string; answers?: (() => Promise<Response>)[] } = {}) {
  const items = new Map<string, string>(options.kept ? [["driftlock.userToken", options.kept]] : []);
  const tab = { fragment: options.fragment ?? "", exchanged: [] as string[] };
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
});
