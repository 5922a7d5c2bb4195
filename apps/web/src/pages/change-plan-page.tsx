import { useMutation, useQuery } from "@tanstack/react-query";
import { usePlans, useSubscription, useTakeChange } from "../api/account-queries.ts";
import { planOffer } from "../account/plan-offer.ts";
import { useTRPC } from "../api/client.ts";
import type { ChangePreview, Plan, Subscription } from "../api/router-outputs.ts";
import { ActionButton } from "../components/action-button.tsx";
import { Instant, Period } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { formatMoney } from "../format/money.ts";
import { Link } from "../routing/navigation.tsx";

/** A change of plan: its money first, then the change. */
export function ChangePlanPage({ planId }: { planId: string }) {
  const plans = usePlans();
  const subscription = useSubscription();
  const plan = plans.data?.plans.find(({ id }) => id === planId);
  const name = plan?.name ?? planId;
  return (
    <Page title={`Change to ${name}`}>
      <Loaded query={subscription} what="your plan">
        {(present) => (
          <Loaded query={plans} what="the plans">
            {(data) =>
              plan === undefined ? (
                <Notice tone="warning" title={`There is no plan “${planId}”`} actions={<BackToPlans />} />
              ) : (
                <Change key={plan.id} plan={plan} plans={data.plans} present={present} />
              )
            }
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
}

interface ChangeProps {
  plan: Plan;
  plans: readonly Plan[];
  present: Subscription;
}

function Change({ plan, plans, present }: ChangeProps) {
  const trpc = useTRPC();
  const takeChange = useTakeChange();
  const change = useMutation(trpc.subscription.change.mutationOptions({ onSuccess: takeChange }));
  const resume = useMutation(trpc.subscription.resume.mutationOptions({ onSuccess: takeChange }));
  const done = change.data ?? resume.data;
  if (done !== undefined) return <Done plan={plan} isSynced={done.isSynced} present={done.subscription} />;
  const { kind } = planOffer(plan.id, present, plans);
  if (kind === "keep") {
    const isEnding = present.cancelAtPeriodEnd;
    const action = isEnding ? resume : change;
    return (
      <section className="panel">
        <p>
          {plan.name} goes on as it is. {isEnding ? "The cancellation" : "The change that was to come"} is
          taken back, and nothing is charged now.
        </p>
        {action.isError && <ProblemNotice error={action.error} />}
        <div className="actions">
          <ActionButton
            isPending={action.isPending}
            onClick={() => (isEnding ? resume.mutate({}) : change.mutate({ planId: plan.id }))}
          >
            Keep {plan.name}
          </ActionButton>
          <BackToPlans />
        </div>
      </section>
    );
  }
  if (kind !== "change") {
    return (
      <Notice
        tone="neutral"
        title={kind === "buy" ? "You have no paid plan yet" : `There is nothing to change about ${plan.name}`}
        actions={<BackToPlans />}
      />
    );
  }
  return (
    <>
      <Preview plan={plan} />
      {change.isError && <ProblemNotice error={change.error} />}
      <div className="actions">
        <ActionButton isPending={change.isPending} onClick={() => change.mutate({ planId: plan.id })}>
          Change to {plan.name}
        </ActionButton>
        <BackToPlans />
      </div>
    </>
  );
}

function Preview({ plan }: { plan: Plan }) {
  // Prorations change with every second: never from memory.
  const preview = useQuery(
    useTRPC().subscription.preview.queryOptions({ planId: plan.id }, { staleTime: 0, gcTime: 0 }),
  );
  return (
    <section className="panel" aria-labelledby="preview-title">
      <h2 id="preview-title">What it costs</h2>
      <Loaded query={preview} what="the money">
        {(data) => <PreviewMoney preview={data} />}
      </Loaded>
    </section>
  );
}

function PreviewMoney({
  preview: { amountDueMinor, currency, lines, effectiveAt },
}: {
  preview: ChangePreview;
}) {
  return (
    <>
      <p>
        The change takes effect on <Instant at={effectiveAt} style="minute" />.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">For</th>
            <th scope="col" className="number">
              Amount
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={`${line.description} ${line.period.start} ${line.amountMinor}`}>
              <td>
                {line.description}
                <br />
                <small className="muted">
                  <Period period={line.period} />
                </small>
              </td>
              <td className="number">{formatMoney(line.amountMinor, currency)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Due with this change</th>
            <td className="number">
              <strong>{formatMoney(amountDueMinor, currency)}</strong>
            </td>
          </tr>
        </tfoot>
      </table>
    </>
  );
}

function Done({ plan, isSynced, present }: { plan: Plan; isSynced: boolean; present: Subscription }) {
  const overview = (
    <Link className="button primary" to="/app">
      To the overview
    </Link>
  );
  if (!isSynced) {
    return (
      <Notice tone="good" title="Your change is taken" actions={overview}>
        It shows here within a few seconds.
      </Notice>
    );
  }
  return present.planId === plan.id ? (
    <Notice tone="good" title={`You are on ${plan.name}`} actions={overview} />
  ) : (
    <Notice tone="good" title={`${plan.name} comes next`} actions={overview}>
      It begins on <Instant at={present.period.end} />; until then nothing changes.
    </Notice>
  );
}

const BackToPlans = () => (
  <Link className="button" to="/app/plans">
    Back to the plans
  </Link>
);
