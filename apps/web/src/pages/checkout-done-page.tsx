import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { isPaying } from "../account/plan-offer.ts";
import { usePlans } from "../api/account-queries.ts";
import { useTRPC } from "../api/client.ts";
import type { Subscription } from "../api/router-outputs.ts";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { ToOverview } from "../components/to-overview.tsx";

const pollEveryMs = 500;
const slowAfterMs = 15_000;

/** Back from a payment. That the payment page sent the customer here proves nothing: our own state does. */
export function CheckoutDonePage() {
  const has = (data: Subscription | undefined) => data !== undefined && isPaying(data);
  const subscription = useQuery(
    useTRPC().subscription.get.queryOptions(undefined, {
      staleTime: 0,
      refetchInterval: ({ state }) => (has(state.data) ? false : pollEveryMs),
    }),
  );
  const plans = usePlans();
  const isSlow = useIsAfter(slowAfterMs);
  const name = plans.data?.plans.find(({ id }) => id === subscription.data?.planId)?.name ?? "your new plan";
  if (has(subscription.data)) {
    return (
      <Page title="Thank you">
        <Notice tone="good" title={`You are on ${name}`} actions={<ToOverview />}>
          The payment has arrived, and the new limits hold from now on.
        </Notice>
      </Page>
    );
  }
  return (
    <Page title="Thank you">
      <Notice tone="neutral" title="Waiting for your payment to arrive">
        {isSlow
          ? "This takes longer than usual. A payment that you made is not lost: you can leave this page, and your plan changes as soon as it arrives."
          : "This takes a few seconds."}
      </Notice>
      {subscription.isError && (
        <ProblemNotice error={subscription.error} retry={() => void subscription.refetch()} />
      )}
      {isSlow && (
        <div className="actions">
          <ToOverview />
        </div>
      )}
    </Page>
  );
}

function useIsAfter(delayMs: number): boolean {
  const [isAfter, setIsAfter] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsAfter(true), delayMs);
    return () => clearTimeout(timer);
  }, [delayMs]);
  return isAfter;
}
