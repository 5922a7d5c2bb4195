import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { createBrowserSession } from "./session/browser-session.ts";
import { SessionProvider } from "./session/session-context.tsx";
import "./styles/index.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

const session = createBrowserSession();
void session.redeemFragment();
// A link that is opened in this very tab changes nothing but the fragment.
addEventListener("hashchange", () => void session.redeemFragment());

createRoot(root).render(
  <StrictMode>
    <SessionProvider session={session}>
      <App />
    </SessionProvider>
  </StrictMode>,
);
