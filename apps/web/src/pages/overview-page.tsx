import { usePlans, useSubscription, useUsage } from "../api/account-queries.ts";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { PaymentBanner } from "../components/payment-banner.tsx";
import { PlanSummary } from "../components/plan-summary.tsx";
import { SpendCap } from "../components/spend-cap.tsx";
import { UsageAlerts } from "../components/usage-alerts.tsx";
import { UsageHistory } from "../components/usage-history.tsx";
import { UsageMeter } from "../components/usage-meter.tsx";

/** The account at a glance: what it has, what it used, what it owes. */
export function OverviewPage() {
  const subscription = useSubscription();
  const plans = usePlans();
  const usage = useUsage();
  const plan = plans.data?.plans.find(({ id }) => id === subscription.data?.planId);
  // A subscription keeps the version that it was sold; the price of another version says nothing about it.
  const soldPlan = plan?.version === subscription.data?.planVersion ? plan : undefined;
  return (
    <Page title="Overview">
      <Loaded query={subscription} what="your plan">
        {(data) => (
          <>
            <PaymentBanner subscription={data} />
            <PlanSummary subscription={data} plans={plans.data?.plans ?? []} />
          </>
        )}
      </Loaded>
      {/* Where not even the plan can be read, its word for it is enough. */}
      {!subscription.isLoadingError && (
        <>
          <section className="panel" aria-labelledby="usage-title">
            <h2 id="usage-title">Usage in this period</h2>
            <Loaded query={usage} what="your usage">
              {(metrics) => (
                <div className="usages">
                  {metrics.map((metric) => (
                    <UsageMeter
                      key={metric.metric}
                      usage={metric}
                      overage={soldPlan?.overage.find((each) => each.metric === metric.metric)}
                    />
                  ))}
                </div>
              )}
            </Loaded>
          </section>
          <UsageHistory metrics={usage.data?.map(({ metric }) => metric) ?? ["events"]} />
          <UsageAlerts />
          {usage.data?.some(({ overagePolicy }) => overagePolicy === "bill") && <SpendCap />}
        </>
      )}
    </Page>
  );
}
