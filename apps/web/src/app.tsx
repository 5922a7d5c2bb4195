import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { createApi, TRPCProvider } from "./api/client.ts";
import { ErrorBoundary } from "./components/error-boundary.tsx";
import { Layout } from "./components/layout.tsx";
import { CancelPage } from "./pages/cancel-page.tsx";
import { ChangePlanPage } from "./pages/change-plan-page.tsx";
import { CheckoutCanceledPage } from "./pages/checkout-canceled-page.tsx";
import { CheckoutDonePage } from "./pages/checkout-done-page.tsx";
import { InvoicePage } from "./pages/invoice-page.tsx";
import { InvoicesPage } from "./pages/invoices-page.tsx";
import { NotFoundPage } from "./pages/not-found-page.tsx";
import { OverviewPage } from "./pages/overview-page.tsx";
import { PaymentPage } from "./pages/payment-page.tsx";
import { PlansPage } from "./pages/plans-page.tsx";
import { PricingPage } from "./pages/pricing-page.tsx";
import type { OperatorRoute, Route } from "./routing/match-route.ts";
import { useRoute } from "./routing/navigation.tsx";
import { useSession } from "./session/session-context.tsx";

// Customers do not load what is for operators.
const OperatorApp = lazy(() =>
  import("./operator/operator-app.tsx").then((module) => ({ default: module.OperatorApp })),
);

/** Everything, for whoever looks at it. */
export function App() {
  const { route, address } = useRoute();
  return route.page === "operator" ? (
    <Suspense fallback={null}>
      <OperatorApp route={route} address={address} />
    </Suspense>
  ) : (
    <CustomerApp route={route} address={address} />
  );
}

type CustomerRoute = Exclude<Route, OperatorRoute>;

/** The customer's pages. Each session has its own client and cache: nothing outlives a sign-out. */
function CustomerApp({ route, address }: { route: CustomerRoute; address: string }) {
  const { session, state } = useSession();
  const userToken = state.kind === "signed-in" ? state.userToken : null;
  const { queryClient, trpcClient } = useMemo(() => createApi(session, userToken), [session, userToken]);
  return (
    <QueryClientProvider client={queryClient}>
      <TRPCProvider queryClient={queryClient} trpcClient={trpcClient}>
        <Layout>
          <ErrorBoundary key={address}>
            {state.kind === "signing-in" ? (
              <p className="loading" role="status">
                Signing you in…
              </p>
            ) : userToken === null ? (
              <PricingPage route={route} />
            ) : (
              <AccountPage key={address} route={route} />
            )}
          </ErrorBoundary>
        </Layout>
      </TRPCProvider>
    </QueryClientProvider>
  );
}

function AccountPage({ route }: { route: CustomerRoute }) {
  switch (route.page) {
    case "overview":
      return <OverviewPage />;
    case "plans":
      return <PlansPage />;
    case "change-plan":
      return <ChangePlanPage planId={route.planId} />;
    case "cancel":
      return <CancelPage />;
    case "checkout-done":
      return <CheckoutDonePage />;
    case "checkout-canceled":
      return <CheckoutCanceledPage />;
    case "invoices":
      return <InvoicesPage />;
    case "invoice":
      return <InvoicePage invoiceId={route.invoiceId} isBackFromBank={route.isBackFromBank} />;
    case "payment":
      return <PaymentPage setup={route.setup} />;
    case "not-found":
      return <NotFoundPage />;
  }
}
