import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { planOffer } from "../account/plan-offer.ts";
import { usePlans, useSubscription, useTakeChange } from "../api/account-queries.ts";
import { useTRPC } from "../api/client.ts";
import type { Plan, PlanId, Subscription } from "../api/router-outputs.ts";
import { ActionButton } from "../components/action-button.tsx";
import { ChangePreview } from "../components/change-preview.tsx";
import { Instant } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { ToOverview } from "../components/to-overview.tsx";
import { Link } from "../routing/navigation.tsx";

/** A change of plan, or the taking back of one that was to come: its money first, then the change. */
export function ChangePlanPage({ planId }: { planId: string }) {
  const plans = usePlans();
  const subscription = useSubscription();
  const plan = plans.data?.plans.find(({ id }) => id === planId);
  // The heading says what one came for, also once that is done and the plan another one.
  const [planIdBefore, setPlanIdBefore] = useState<PlanId>();
  if (planIdBefore === undefined && subscription.data !== undefined)
    setPlanIdBefore(subscription.data.planId);
  const verb = planIdBefore === planId ? "Keep" : "Change to";
  return (
    <Page title={`${verb} ${plan?.name ?? planId}`}>
      <Loaded query={subscription} what="your plan">
        {(present) => (
          <Loaded query={plans} what="the plans">
            {(data) =>
              plan === undefined ? (
                <Notice tone="warning" title={`There is no plan “${planId}”`} actions={<BackToPlans />} />
              ) : (
                <ChangePlan plan={plan} plans={data.plans} present={present} />
              )
            }
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
}

interface ChangePlanProps {
  plan: Plan;
  plans: readonly Plan[];
  present: Subscription;
}

function ChangePlan({ plan, plans, present }: ChangePlanProps) {
  const trpc = useTRPC();
  const takeChange = useTakeChange();
  const change = useMutation(trpc.subscription.change.mutationOptions({ onSuccess: takeChange }));
  const resume = useMutation(trpc.subscription.resume.mutationOptions({ onSuccess: takeChange }));
  const done = change.data ?? resume.data;
  if (done !== undefined) return <Changed plan={plan} subscription={done} />;
  const { kind } = planOffer(plan.id, present, plans);
  const isEnding = present.cancelAtPeriodEnd;
  const confirm = () =>
    kind === "keep" && isEnding ? resume.mutate({}) : change.mutate({ planId: plan.id });
  const error = change.error ?? resume.error;
  if (kind !== "change" && kind !== "keep") {
    const title =
      kind === "buy" ? "You have no paid plan yet" : `There is nothing to change about ${plan.name}`;
    return <Notice tone="neutral" title={title} actions={<BackToPlans />} />;
  }
  return (
    <>
      {kind === "change" ? (
        <>
          <ChangePreview plan={plan} />
          {isEnding && <p className="muted">Your cancellation is taken back with it.</p>}
        </>
      ) : (
        <p className="panel">
          {plan.name} goes on as it is. {isEnding ? "The cancellation" : "The change that was to come"} is
          taken back, and nothing is charged now.
        </p>
      )}
      {error !== null && <ProblemNotice error={error} />}
      <div className="actions">
        <ActionButton isPending={change.isPending || resume.isPending} onClick={confirm}>
          {kind === "change" ? "Change to" : "Keep"} {plan.name}
        </ActionButton>
        <BackToPlans />
      </div>
    </>
  );
}

const Changed = ({ plan, subscription }: { plan: Plan; subscription: Subscription }) =>
  subscription.planId === plan.id ? (
    <Notice isAnswer tone="good" title={`You are on ${plan.name}`} actions={<ToOverview />} />
  ) : (
    <Notice isAnswer tone="good" title={`${plan.name} comes next`} actions={<ToOverview />}>
      It begins on <Instant at={subscription.period.end} />; until then nothing changes.
    </Notice>
  );

const BackToPlans = () => (
  <Link className="button" to="/app/plans">
    Back to the plans
  </Link>
);
