import { type Problem, readProblemResponse, unreachable } from "../api/problem.ts";

/** Who looks at the page. `ended` says why somebody who was signed in no longer is. */
export type SessionState =
  | { kind: "visitor"; ended: "signed-out" | "expired" | null }
  | { kind: "signing-in" }
  | { kind: "refused"; problem: Problem }
  | { kind: "signed-in"; userToken: string };

/** What of a browser a session needs. */
export interface SessionBrowser {
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** The address's fragment, with its "#". */
  readFragment(): string;
  /** Takes the fragment out of the address and of the history. */
  removeFragment(): void;
  exchange(token: string): Promise<Response>;
  /** Goes to another page. */
  leaveTo(url: string): void;
  /** Where a sign-in comes back to: this page, without what the fragment says. */
  readAddress(): string;
  /** Unguessable, for one sign-in. */
  createState(): string;
}

const storageKey = "driftlock.userToken";
const stateKey = "driftlock.signInState";

/** A token that somebody else's link carries would have the customer's card put on somebody else's account. */
const notBegunHere: Problem = {
  code: "SIGN_IN_NOT_BEGUN_HERE",
  detail: "This sign-in was not begun in this tab: sign in from here.",
  retryAfterSeconds: null,
  requestId: null,
};

/**
 * Keeps the user's token for this tab alone: it is gone with it, and no other site can send it, as it is no cookie.
 */
export function createSession(browser: SessionBrowser) {
  const listeners = new Set<() => void>();
  const kept = browser.storage.getItem(storageKey);
  let oneTimeToken: string | null = null;
  let state: SessionState =
    kept === null ? { kind: "visitor", ended: null } : { kind: "signed-in", userToken: kept };

  function become(next: SessionState): void {
    state = next;
    for (const listener of listeners) listener();
  }

  function end(ended: "signed-out" | "expired"): void {
    browser.storage.removeItem(storageKey);
    become({ kind: "visitor", ended });
  }

  async function redeem(token: string): Promise<void> {
    become({ kind: "signing-in" });
    const answer = await browser.exchange(token).then(readUserToken, () => ({ problem: unreachable }));
    if ("problem" in answer) return become({ kind: "refused", problem: answer.problem });
    oneTimeToken = null;
    browser.storage.setItem(storageKey, answer.userToken);
    become({ kind: "signed-in", userToken: answer.userToken });
  }

  /** ADR 0028: takes the token that the sign-in page sent along, where it was asked for it by this tab. */
  function accept(userToken: string, signInState: string | null): void {
    const expected = browser.storage.getItem(stateKey);
    browser.storage.removeItem(stateKey);
    if (expected === null || signInState !== expected)
      return become({ kind: "refused", problem: notBegunHere });
    browser.storage.setItem(storageKey, userToken);
    become({ kind: "signed-in", userToken });
  }

  return {
    read: (): SessionState => state,
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /**
     * Signs in with what the address's fragment carries, if anything: the one-time `token` of the simulator, or the
     * `access_token` that the sign-in page sent back. It leaves the address before it is used.
     */
    async redeemFragment(): Promise<void> {
      const fragment = new URLSearchParams(browser.readFragment().replace(/^#/, ""));
      const [token, userToken] = [fragment.get("token"), fragment.get("access_token")];
      if (token === null && userToken === null) return;
      browser.removeFragment();
      browser.storage.removeItem(storageKey);
      if (token === null) return accept(userToken ?? "", fragment.get("state"));
      oneTimeToken = token;
      await redeem(token);
    },
    /** Once more with the same one-time token, for when the server was away. */
    async retry(): Promise<void> {
      if (oneTimeToken !== null) await redeem(oneTimeToken);
    },
    /** Goes to the page that signs users in; it comes back with `#access_token=…&state=…`. */
    begin(signInUrl: string): void {
      const signInState = browser.createState();
      browser.storage.setItem(stateKey, signInState);
      const url = new URL(signInUrl);
      url.searchParams.set("return_to", browser.readAddress());
      url.searchParams.set("state", signInState);
      browser.leaveTo(url.href);
    },
    signOut: () => end("signed-out"),
    /** The server takes this token no more. A late answer to an older token ends nothing. */
    expire(userToken: string): void {
      if (state.kind === "signed-in" && state.userToken === userToken) end("expired");
    },
  };
}

export type Session = ReturnType<typeof createSession>;

async function readUserToken(response: Response): Promise<{ userToken: string } | { problem: Problem }> {
  if (!response.ok) return { problem: await readProblemResponse(response) };
  const body: unknown = await response.json();
  const userToken =
    typeof body === "object" && body !== null && "userToken" in body ? body.userToken : undefined;
  return typeof userToken === "string" ? { userToken } : { problem: unreachable };
}
