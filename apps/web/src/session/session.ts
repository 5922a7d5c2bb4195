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
}

const storageKey = "driftlock.userToken";

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

  return {
    read: (): SessionState => state,
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Signs in with the one-time token of the address, if there is one. It leaves the address before it is used. */
    async redeemFragment(): Promise<void> {
      const token = new URLSearchParams(browser.readFragment().replace(/^#/, "")).get("token");
      if (token === null) return;
      browser.removeFragment();
      browser.storage.removeItem(storageKey);
      oneTimeToken = token;
      await redeem(token);
    },
    /** Once more with the same one-time token, for when the server was away. */
    async retry(): Promise<void> {
      if (oneTimeToken !== null) await redeem(oneTimeToken);
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
