import { createSession } from "./session.ts";

/** The session of this tab. */
export const createBrowserSession = () =>
  createSession({
    storage: sessionStorage,
    readFragment: () => location.hash,
    removeFragment: () => history.replaceState(null, "", location.pathname + location.search),
    exchange: (token) =>
      fetch("/auth/demo-session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token }),
      }),
    leaveTo: (url) => location.assign(url),
    readAddress: () => location.origin + location.pathname + location.search,
    createState: () => crypto.randomUUID(),
  });
