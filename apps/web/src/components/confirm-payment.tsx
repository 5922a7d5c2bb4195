import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTRPC } from "../api/client.ts";
import { readProblem } from "../api/problem.ts";
import { declineWords } from "../account/decline-words.ts";
import { type Confirmation, confirmPayment, readConfirmation } from "../payment/confirm-payment.ts";
import { useStripeJs } from "../payment/use-stripe-js.ts";
import { ActionButton } from "./action-button.tsx";
import { Notice } from "./notice.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

interface ConfirmPaymentProps {
  invoiceId: string;
  /** The bank's own page has just sent the customer back: what it came to is read, and nothing asked. */
  isBack?: boolean;
  onPaid?: () => void;
}

const followEveryMs = 1_000;

/**
 * Asks the bank for the payment of an open invoice, in a window of Stripe over this page, and says what it came to.
 * Nothing is kept here: after a reload Stripe still knows how far it got.
 */
export function ConfirmPayment({ invoiceId, isBack = false, onPaid }: ConfirmPaymentProps) {
  const trpc = useTRPC();
  const stripe = useStripeJs();
  const open = useMutation(trpc.invoices.confirm.mutationOptions());
  const ask = useMutation({
    mutationFn: async (isReading: boolean): Promise<Confirmation> => {
      const { clientSecret } = await open.mutateAsync({ invoiceId });
      if (stripe.instance === null) return { kind: "failed", message: "Stripe is not loaded yet." };
      if (isReading) return readConfirmation(stripe.instance, clientSecret);
      const returnUrl = `${location.origin}/app/invoices/${encodeURIComponent(invoiceId)}`;
      return confirmPayment({ stripe: stripe.instance, clientSecret, returnUrl });
    },
    onSuccess: ({ kind }) => kind === "paid" && onPaid?.(),
  });
  const isPaid = ask.data?.kind === "paid";
  // Settled meanwhile, at Stripe's page or by a try of ours: there is nothing left to confirm.
  const isSettled = ask.isError && readProblem(ask.error).code === "INVOICE_SETTLED";
  const status = useFollowed(invoiceId, isPaid || isSettled);

  const { mutate } = ask;
  const isReady = stripe.instance !== null;
  useEffect(() => {
    if (isBack && isReady) mutate(true);
  }, [isBack, isReady, mutate]);

  if (stripe.isError) {
    return (
      <Notice
        tone="danger"
        title="Stripe could not be loaded"
        actions={
          <button type="button" onClick={stripe.retry}>
            Try again
          </button>
        }
      >
        Something in your browser or network may block it. You can confirm the payment at Stripe’s own page.
      </Notice>
    );
  }
  return (
    <>
      {isSettled && status !== "open" && (
        <Outcome confirmation={{ kind: status === "paid" ? "paid" : "over" }} />
      )}
      {ask.isError && !isSettled && <ProblemNotice error={ask.error} />}
      {ask.data !== undefined && <Outcome confirmation={ask.data} />}
      {!isPaid && !isSettled && ask.data?.kind !== "processing" && (
        <div className="actions">
          <ActionButton isPending={!isReady || ask.isPending} onClick={() => mutate(false)}>
            {ask.isPending
              ? "Waiting for your bank…"
              : ask.data === undefined
                ? "Confirm payment"
                : "Try again"}
          </ActionButton>
        </div>
      )}
    </>
  );
}

/** Waits until our own state has what Stripe said, then reads everything anew. @returns the invoice's status. */
function useFollowed(invoiceId: string, isOver: boolean): string | undefined {
  const queryClient = useQueryClient();
  const { data } = useQuery(
    useTRPC().invoices.get.queryOptions(
      { invoiceId },
      {
        enabled: isOver,
        refetchInterval: ({ state }) => (isOver && state.data?.status === "open" ? followEveryMs : false),
      },
    ),
  );
  const isFollowed = isOver && data !== undefined && data.status !== "open";
  useEffect(() => {
    if (isFollowed) void queryClient.invalidateQueries();
  }, [isFollowed, queryClient]);
  return data?.status;
}

function Outcome({ confirmation }: { confirmation: Confirmation | { kind: "over" } }) {
  switch (confirmation.kind) {
    case "paid":
      return (
        <Notice isAnswer tone="good" title="The payment is confirmed">
          The invoice is paid.
        </Notice>
      );
    case "over":
      return <Notice isAnswer tone="neutral" title="This invoice asks for no payment any more" />;
    case "processing":
      return (
        <Notice isAnswer tone="neutral" title="Your bank is still working on it">
          You need not wait here: the invoice shows as paid as soon as the money arrives.
        </Notice>
      );
    case "not-confirmed":
      return (
        <Notice isAnswer tone="danger" title="Your bank did not confirm the payment">
          Nothing was charged. Try again, or use another card.
        </Notice>
      );
    case "declined":
      return (
        <Notice isAnswer tone="danger" title="The card was declined">
          {declineWords(confirmation.code)} Nothing was charged. Use another card.
        </Notice>
      );
    case "failed":
      return (
        <Notice isAnswer tone="danger" title="The payment could not be confirmed">
          {confirmation.message} You can try again: nothing is charged twice.
        </Notice>
      );
  }
}
