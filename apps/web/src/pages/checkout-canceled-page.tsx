import { usePlans, useSubscription } from "../api/account-queries.ts";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { Link } from "../routing/navigation.tsx";

/** Back from a payment page without having paid. */
export function CheckoutCanceledPage({ planId }: { planId: string | null }) {
  const { data: subscription } = useSubscription();
  const { data } = usePlans();
  const nameOf = (id: string | null | undefined) => data?.plans.find((plan) => plan.id === id)?.name;
  const present = nameOf(subscription?.planId);
  return (
    <Page title="Not bought">
      <Notice
        tone="neutral"
        title="You left the payment page, and nothing was charged"
        actions={
          <>
            <Link className="button primary" to="/app/plans">
              {planId === null ? "To the plans" : `Try ${nameOf(planId) ?? planId} again`}
            </Link>
            <Link className="button" to="/app">
              To the overview
            </Link>
          </>
        }
      >
        {present !== undefined && `You are still on ${present}.`}
      </Notice>
    </Page>
  );
}
