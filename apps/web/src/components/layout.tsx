import type { ReactNode } from "react";
import { Link, useRoute } from "../routing/navigation.tsx";
import { useSession } from "../session/session-context.tsx";

const sections = [
  { to: "/app", label: "Overview", pages: ["overview", "cancel"] },
  { to: "/app/plans", label: "Plans", pages: ["plans", "change-plan"] },
  { to: "/app/invoices", label: "Invoices", pages: ["invoices", "invoice"] },
  { to: "/app/payment", label: "Payment", pages: ["payment"] },
] as const;

interface FrameProps {
  /** Whose pages these are: "Billing", "Operator". */
  product: string;
  home: string;
  nav: ReactNode;
  /** The way out. */
  leave: ReactNode;
  children: ReactNode;
}

/** What surrounds every page. */
export const Frame = ({ product, home, nav, leave, children }: FrameProps) => (
  <>
    <a className="skip" href="#content">
      Skip to the content
    </a>
    <header className="top">
      <div className="top-inner">
        <Link className="brand" to={home}>
          <Mark /> DriftLock <span className="muted">{product}</span>
        </Link>
        {nav}
        {leave}
      </div>
    </header>
    <main id="content" tabIndex={-1}>
      {children}
    </main>
  </>
);

/** The customer's pages. */
export function Layout({ children }: { children: ReactNode }) {
  const { session, state } = useSession();
  const isSignedIn = state.kind === "signed-in";
  return (
    <Frame
      product="Billing"
      home="/"
      nav={isSignedIn && <Navigation />}
      leave={
        isSignedIn && (
          <button type="button" className="quiet" onClick={session.signOut}>
            Sign out
          </button>
        )
      }
    >
      {children}
    </Frame>
  );
}

function Navigation() {
  const { page } = useRoute().route;
  return (
    <nav aria-label="Account">
      {sections.map(({ to, label, pages }) => (
        <Link key={to} to={to} aria-current={pages.some((each) => each === page) ? "page" : undefined}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M7 21c4 0 4-9 9-9s5 9 9 9" />
    </svg>
  );
}
