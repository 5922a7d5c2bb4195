import { useMutation } from "@tanstack/react-query";
import type { PlanOffer } from "../account/plan-offer.ts";
import { useTRPC } from "../api/client.ts";
import type { Plan } from "../api/router-outputs.ts";
import { Link } from "../routing/navigation.tsx";
import { ActionButton } from "./action-button.tsx";
import { ProblemNotice } from "./problem-notice.tsx";
import { useReturn } from "./use-return.ts";

/** The next step towards a plan, or the word that there is none. */
export function PlanAction({ plan, offer }: { plan: Plan; offer: PlanOffer }) {
  switch (offer.kind) {
    case "present":
      return <p className="muted">You have this plan.</p>;
    case "pending":
      return <p className="muted">It begins when your period ends.</p>;
    case "buy":
      return <BuyButton plan={plan} />;
    case "cancel":
      return (
        <Link className="button" to="/app/cancel">
          Go back to {plan.name}
        </Link>
      );
    case "keep":
      return (
        <Link className="button primary" to={`/app/plans/${plan.id}`}>
          Keep {plan.name}
        </Link>
      );
    case "change":
      return (
        <Link
          className={offer.direction === "upgrade" ? "button primary" : "button"}
          to={`/app/plans/${plan.id}`}
        >
          {offer.direction === "upgrade" ? "Upgrade" : "Change"} to {plan.name}
        </Link>
      );
  }
}

function BuyButton({ plan }: { plan: Plan }) {
  const checkout = useMutation(
    useTRPC().checkout.create.mutationOptions({
      onSuccess: ({ url }) => location.assign(url),
    }),
  );
  useReturn(checkout.reset);
  const buy = () => checkout.mutate({ planId: plan.id });
  // Once it has succeeded the browser is on its way to the payment page.
  const isLeaving = checkout.isPending || checkout.isSuccess;
  return (
    <>
      <ActionButton isPending={isLeaving} onClick={buy}>
        {isLeaving ? "Opening the payment page…" : `Choose ${plan.name}`}
      </ActionButton>
      {checkout.isError && <ProblemNotice error={checkout.error} retry={buy} />}
    </>
  );
}
