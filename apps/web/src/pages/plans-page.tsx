import { usePlans, useSubscription } from "../api/account-queries.ts";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { PlanCard } from "../components/plan-card.tsx";
import { PlanAction } from "../components/plan-action.tsx";
import { Badge } from "../components/badge.tsx";
import { planOffer } from "../account/plan-offer.ts";

/** The plans, each with what this account can do about it. */
export function PlansPage() {
  const plans = usePlans();
  const subscription = useSubscription();
  return (
    <Page title="Plans" lead="Upgrades take effect at once, everything else when your period ends.">
      <Loaded query={subscription} what="your plan">
        {(present) => (
          <Loaded query={plans} what="the plans">
            {(data) => (
              <div className="plans">
                {data.plans.map((plan) => {
                  const offer = planOffer(plan.id, present, data.plans);
                  const isPresent = plan.id === present.planId;
                  return (
                    <PlanCard
                      key={plan.id}
                      plan={plan}
                      isPresent={isPresent}
                      badge={
                        isPresent ? (
                          <Badge label="Your plan" tone="good" />
                        ) : (
                          offer.kind === "pending" && <Badge label="Comes next" tone="warning" />
                        )
                      }
                      action={<PlanAction plan={plan} offer={offer} />}
                    />
                  );
                })}
              </div>
            )}
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
}
