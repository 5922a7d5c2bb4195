import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { isPaying } from "../account/plan-offer.ts";
import { usePlans, useSubscription, useTakeChange } from "../api/account-queries.ts";
import { useTRPC } from "../api/client.ts";
import type { Subscription } from "../api/router-outputs.ts";
import { ActionButton } from "../components/action-button.tsx";
import { Instant } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { ToOverview } from "../components/to-overview.tsx";
import { Link } from "../routing/navigation.tsx";

type When = "period-end" | "now";

/** The end of a paid plan: when, and what then. */
export function CancelPage() {
  const subscription = useSubscription();
  const plans = usePlans();
  const name = plans.data?.plans.find(({ id }) => id === subscription.data?.planId)?.name ?? "your plan";
  return (
    <Page title="Cancel your plan">
      <Loaded query={subscription} what="your plan">
        {(present) => <Cancel present={present} name={name} />}
      </Loaded>
    </Page>
  );
}

function Cancel({ present, name }: { present: Subscription; name: string }) {
  const [when, setWhen] = useState<When>("period-end");
  const takeChange = useTakeChange();
  const cancel = useMutation(
    useTRPC().subscription.cancel.mutationOptions({
      // The present plan is another one as soon as it is done.
      onMutate: () => ({ nameBefore: name }),
      onSuccess: takeChange,
    }),
  );
  if (cancel.isSuccess) {
    const { data: left, variables, context } = cancel;
    return <Canceled when={variables.when ?? when} left={left} name={context?.nameBefore ?? name} />;
  }
  if (!isPaying(present) || present.cancelAtPeriodEnd) return <NothingToCancel present={present} />;
  return (
    <form
      className="panel"
      onSubmit={(event) => {
        event.preventDefault();
        if (!cancel.isPending) cancel.mutate({ when });
      }}
    >
      <fieldset className="choices">
        <legend>When shall {name} end?</legend>
        <label>
          <input
            type="radio"
            name="when"
            checked={when === "period-end"}
            onChange={() => setWhen("period-end")}
          />
          <span>
            <strong>
              On <Instant at={present.period.end} />
            </strong>
            <br />
            You keep {name} until then, and can take this back.
          </span>
        </label>
        <label>
          <input type="radio" name="when" checked={when === "now"} onChange={() => setWhen("now")} />
          <span>
            <strong>Now</strong>
            <br />
            {name} ends at once. What you used beyond the included amount is invoiced; nothing is refunded.
          </span>
        </label>
      </fieldset>
      <p className="muted">Afterwards the account is on Free, with Free’s limits. Your invoices stay here.</p>
      {cancel.isError && <ProblemNotice error={cancel.error} />}
      <div className="actions">
        <ActionButton type="submit" look="danger" isPending={cancel.isPending}>
          {when === "now" ? `End ${name} now` : `End ${name} at the period’s end`}
        </ActionButton>
        <Link className="button" to="/app">
          Keep {name}
        </Link>
      </div>
    </form>
  );
}

function Canceled({ when, left, name }: { when: When; left: Subscription; name: string }) {
  if (when === "now") {
    return (
      <Notice isAnswer tone="good" title={`${name} has ended`} actions={<ToOverview />}>
        You are on Free from now on.
      </Notice>
    );
  }
  return (
    <Notice isAnswer tone="good" title={`${name} is cancelled`} actions={<ToOverview />}>
      You keep it until <Instant at={left.period.end} style="minute" />. To take this back before then, go to
      the overview.
    </Notice>
  );
}

const NothingToCancel = ({ present }: { present: Subscription }) => (
  <Notice
    tone="neutral"
    title={isPaying(present) ? "Your plan is cancelled already" : "You have no paid plan"}
    actions={<ToOverview />}
  >
    {isPaying(present) && (
      <>
        It ends on <Instant at={present.period.end} />.
      </>
    )}
  </Notice>
);
