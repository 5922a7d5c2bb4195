import { QueryClientProvider } from "@tanstack/react-query";
import { useMemo, useState, useSyncExternalStore } from "react";
import { createQueryClient } from "../api/client.ts";
import { endsSession, readProblem } from "../api/problem.ts";
import { ErrorBoundary } from "../components/error-boundary.tsx";
import { Frame } from "../components/layout.tsx";
import type { OperatorRoute } from "../routing/match-route.ts";
import { Link } from "../routing/navigation.tsx";
import { AccountPage } from "./account-page.tsx";
import { AccountsPage } from "./accounts-page.tsx";
import { DunningPage } from "./dunning-page.tsx";
import { EnterKeyPage } from "./enter-key-page.tsx";
import { LateUsagePage } from "./late-usage-page.tsx";
import { createOperatorApi } from "./operator-api.ts";
import { AnswerProvider, OperatorProvider } from "./operator-context.tsx";
import { createOperatorKey } from "./operator-key.ts";
import { QuarantinePage } from "./quarantine-page.tsx";
import { ReconciliationPage } from "./reconciliation-page.tsx";
import { ReportsPage } from "./reports-page.tsx";

const operatorKey = createOperatorKey(sessionStorage);

const sections = [
  { id: "reconciliation", to: "/app/operator", label: "Drift" },
  { id: "dunning", to: "/app/operator/dunning", label: "Unpaid" },
  { id: "quarantine", to: "/app/operator/quarantine", label: "Set aside" },
  { id: "reports", to: "/app/operator/reports", label: "In doubt" },
  { id: "late-usage", to: "/app/operator/late-usage", label: "Late usage" },
  { id: "accounts", to: "/app/operator/accounts", label: "Accounts" },
] as const;

/** The operator's pages, for who has a key of that scope. */
export function OperatorApp({ route, address }: { route: OperatorRoute; address: string }) {
  const key = useSyncExternalStore(operatorKey.subscribe, operatorKey.read);
  const [isRefused, setIsRefused] = useState(false);
  const enter = (entered: string) => {
    setIsRefused(false);
    operatorKey.keep(entered);
  };
  // Each key has its own cache: nothing outlives it.
  const clients = useMemo(() => {
    if (key === null) return null;
    const queryClient = createQueryClient((error) => {
      if (!endsSession(readProblem(error)) || operatorKey.read() !== key) return;
      setIsRefused(true);
      operatorKey.forget();
    });
    return { queryClient, api: createOperatorApi(key) };
  }, [key]);
  return (
    <Frame
      product="Operator"
      home="/app/operator"
      nav={
        clients !== null && (
          <nav aria-label="Operator">
            {sections.map(({ id, to, label }) => (
              <Link key={id} to={to} aria-current={route.section === id ? "page" : undefined}>
                {label}
              </Link>
            ))}
          </nav>
        )
      }
      leave={
        clients !== null && (
          <button type="button" className="quiet" onClick={operatorKey.forget}>
            Forget the key
          </button>
        )
      }
    >
      {clients === null ? (
        <EnterKeyPage isRefused={isRefused} onEnter={enter} />
      ) : (
        <QueryClientProvider client={clients.queryClient}>
          <OperatorProvider api={clients.api}>
            <ErrorBoundary key={address}>
              <AnswerProvider key={address}>
                <SectionPage route={route} />
              </AnswerProvider>
            </ErrorBoundary>
          </OperatorProvider>
        </QueryClientProvider>
      )}
    </Frame>
  );
}

function SectionPage({ route: { section, id, filter } }: { route: OperatorRoute }) {
  switch (section) {
    case "reconciliation":
      return <ReconciliationPage filter={filter} />;
    case "dunning":
      return <DunningPage filter={filter} />;
    case "quarantine":
      return <QuarantinePage filter={filter} />;
    case "reports":
      return <ReportsPage filter={filter} />;
    case "late-usage":
      return <LateUsagePage filter={filter} />;
    case "accounts":
      return id === null ? <AccountsPage filter={filter} /> : <AccountPage accountId={id} />;
  }
}
