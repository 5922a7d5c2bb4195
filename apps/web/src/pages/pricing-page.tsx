import { useQuery } from "@tanstack/react-query";
import { usePlans } from "../api/account-queries.ts";
import { appConfigQuery } from "../api/app-config.ts";
import { problemWords } from "../api/problem-words.ts";
import { Loaded } from "../components/loaded.tsx";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { PlanCard } from "../components/plan-card.tsx";
import type { Route } from "../routing/match-route.ts";
import { useSession } from "../session/session-context.tsx";

/** What a visitor sees: the plans, and how to sign in. */
export function PricingPage({ route }: { route: Route }) {
  const plans = usePlans();
  return (
    <Page title="Plans and prices" lead="Start free. Change or cancel at any time.">
      {route.page === "checkout-done" && (
        <Notice tone="good" title="Thank you">
          Your plan changes as soon as the payment has arrived. Sign in to see it.
        </Notice>
      )}
      <SessionNotice />
      <Loaded query={plans} what="the plans">
        {(data) => (
          <div className="plans">
            {data.plans.map((plan) => (
              <PlanCard key={plan.id} plan={plan} />
            ))}
          </div>
        )}
      </Loaded>
      <SignInWord />
    </Page>
  );
}

/** Why somebody who meant to be signed in is not. */
function SessionNotice() {
  const { session, state } = useSession();
  if (state.kind === "refused") {
    const { problem } = state;
    const canRetry = problem.retryAfterSeconds !== null;
    return (
      <Notice
        tone="danger"
        title="You could not be signed in"
        actions={
          canRetry && (
            <button type="button" onClick={() => void session.retry()}>
              Try again
            </button>
          )
        }
      >
        {canRetry ? problemWords(problem).title : problem.detail}
      </Notice>
    );
  }
  if (state.kind !== "visitor" || state.ended === null) return null;
  return state.ended === "expired" ? (
    <Notice tone="warning" title="Your session has ended">
      Sign in again to see your account. Nothing was lost.
    </Notice>
  ) : (
    <Notice tone="neutral" title="You are signed out" />
  );
}

function SignInWord() {
  const { session } = useSession();
  const { data, isPending } = useQuery(appConfigQuery);
  if (isPending) return null;
  const signInUrl = data?.signInUrl ?? null;
  if (signInUrl !== null) {
    return (
      <section className="panel">
        <h2>Your account</h2>
        <p>See your usage and invoices, change your plan or your card.</p>
        <button type="button" className="primary" onClick={() => session.begin(signInUrl)}>
          Sign in
        </button>
      </section>
    );
  }
  return (
    <section className="panel">
      <h2>To sign in</h2>
      {data?.mode === "simulator" ? (
        <p>
          Open the link that <code>npm start</code> prints beside “Web and API”. It signs you in once; the
          newest one is <code>webUrl</code> in <code>.driftlock/dev.json</code>.
        </p>
      ) : (
        <p>Go to DriftLock and open Billing from there: it brings you back here, signed in.</p>
      )}
    </section>
  );
}
