import { usePlans, useSubscription } from "../api/account-queries.ts";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { ToOverview } from "../components/to-overview.tsx";
import { Link } from "../routing/navigation.tsx";

/** Back from a payment page without having paid. */
export function CheckoutCanceledPage() {
  const { data: subscription } = useSubscription();
  const { data } = usePlans();
  const present = data?.plans.find((plan) => plan.id === subscription?.planId)?.name;
  return (
    <Page title="Checkout cancelled">
      <Notice
        tone="neutral"
        title="You left the payment page, and nothing was charged"
        actions={
          <>
            <Link className="button primary" to="/app/plans">
              To the plans
            </Link>
            <ToOverview isPrimary={false} />
          </>
        }
      >
        {present !== undefined && `You are still on ${present}.`}
      </Notice>
    </Page>
  );
}
