import { useMutation } from "@tanstack/react-query";
import { useSubscription } from "../api/account-queries.ts";
import { useTRPC } from "../api/client.ts";
import { ActionButton } from "../components/action-button.tsx";
import { CardSaved, NewCard } from "../components/new-card.tsx";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { PaymentBanner } from "../components/payment-banner.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { useReturn } from "../components/use-return.ts";
import type { Route } from "../routing/match-route.ts";

type Setup = Extract<Route, { page: "payment" }>["setup"];

/** How the account pays. `setup` is what a bank's page came back with. */
export function PaymentPage({ setup }: { setup: Setup }) {
  const { data: subscription } = useSubscription();
  return (
    <Page title="Payment" lead="Cards are kept by Stripe. This site never sees their numbers.">
      {subscription !== undefined && <PaymentBanner subscription={subscription} isByCardForm />}
      {setup !== null && <SetupNotice setup={setup} />}
      <NewCard />
      <Portal />
    </Page>
  );
}

function SetupNotice({ setup }: { setup: NonNullable<Setup> }) {
  switch (setup) {
    case "succeeded":
      return <CardSaved />;
    case "processing":
      return (
        <Notice tone="neutral" title="Your bank is still checking the card">
          You need not wait here.
        </Notice>
      );
    case "failed":
      return (
        <Notice tone="danger" title="Your bank did not confirm the card">
          It was not saved. Try again, or use another card.
        </Notice>
      );
  }
}

function Portal() {
  const portal = useMutation(
    useTRPC().portal.create.mutationOptions({ onSuccess: ({ url }) => location.assign(url) }),
  );
  useReturn(portal.reset);
  const open = () => portal.mutate({});
  const isLeaving = portal.isPending || portal.isSuccess;
  return (
    <section className="panel" aria-labelledby="portal-title">
      <h2 id="portal-title">Cards, address and receipts</h2>
      <p>See and remove the cards on file, and change your billing address, in Stripe’s customer portal.</p>
      {portal.isError && <ProblemNotice error={portal.error} retry={open} />}
      <div className="actions">
        <ActionButton look="plain" isPending={isLeaving} onClick={open}>
          {isLeaving ? "Opening the portal…" : "Open the portal"}
        </ActionButton>
      </div>
    </section>
  );
}
