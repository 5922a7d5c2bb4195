import { useMutation } from "@tanstack/react-query";
import { isPaying } from "../account/plan-offer.ts";
import { standing } from "../account/standing.ts";
import { useTakeChange } from "../api/account-queries.ts";
import { useTRPC } from "../api/client.ts";
import type { Plan, Subscription } from "../api/router-outputs.ts";
import { formatMoney } from "../format/money.ts";
import { Link } from "../routing/navigation.tsx";
import { ActionButton } from "./action-button.tsx";
import { Badge } from "./badge.tsx";
import { Facts } from "./facts.tsx";
import { Instant, Period } from "./instant.tsx";
import { Notice } from "./notice.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

interface PlanSummaryProps {
  subscription: Subscription;
  plans: readonly Plan[];
}

/** The plan, its period, what comes after it, and what can be done. */
export function PlanSummary({ subscription, plans }: PlanSummaryProps) {
  const trpc = useTRPC();
  const takeChange = useTakeChange();
  const resume = useMutation(trpc.subscription.resume.mutationOptions({ onSuccess: takeChange }));
  const plan = plans.find(({ id }) => id === subscription.planId);
  const isEnding = subscription.cancelAtPeriodEnd;
  return (
    <section className="panel" aria-labelledby="plan-title">
      <div className="plan-head">
        <h2 id="plan-title">{plan?.name ?? subscription.planId}</h2>
        <Badge {...standing(subscription)} />
      </div>
      <Facts
        facts={[
          ["Price", plan === undefined ? "–" : priceText(plan, subscription.planVersion)],
          ["This period", <Period key="period" period={subscription.period} />],
          ["Then", <NextStep key="then" subscription={subscription} plans={plans} />],
          ["Account", <code key="account">{subscription.accountId}</code>],
        ]}
      />
      {resume.isSuccess && !isEnding && (
        <Notice isAnswer tone="good" title="Your plan goes on">
          The cancellation is taken back; nothing else has changed.
        </Notice>
      )}
      {resume.isError && <ProblemNotice error={resume.error} />}
      <div className="actions">
        {isEnding ? (
          <ActionButton isPending={resume.isPending} onClick={() => resume.mutate({})}>
            Keep {plan?.name ?? "the plan"}
          </ActionButton>
        ) : (
          <Link className="button primary" to="/app/plans">
            {isPaying(subscription) ? "Change plan" : "Upgrade"}
          </Link>
        )}
        {isPaying(subscription) && !isEnding && (
          <Link className="button" to="/app/cancel">
            Cancel plan
          </Link>
        )}
      </div>
    </section>
  );
}

// A subscription keeps the version that it was sold, whatever its plan costs today.
const priceText = ({ price, version }: Plan, soldVersion: number): string =>
  version === soldVersion
    ? `${formatMoney(price.amountMinor, price.currency, { isShort: true })} a ${price.interval}`
    : "as you bought it";

/** What happens when the period ends. */
function NextStep({ subscription, plans }: PlanSummaryProps) {
  const end = <Instant at={subscription.period.end} />;
  const { pendingPlanId } = subscription;
  if (pendingPlanId !== null) {
    const name = plans.find(({ id }) => id === pendingPlanId)?.name ?? pendingPlanId;
    return (
      <>
        {name} from {end}
      </>
    );
  }
  return isPaying(subscription) ? <>Renews on {end}</> : <>Usage resets on {end}</>;
}
