import { PaymentElement, useElements, useStripe } from "@stripe/react-stripe-js";
import type { StripeError } from "@stripe/stripe-js";
import { useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { ActionButton } from "./action-button.tsx";
import { Notice } from "./notice.tsx";

interface CardFormProps {
  onSaved: () => void;
  onCancel: () => void;
}

/** Stripe's fields for a card, and the button that saves it. For below <Elements>. */
export function CardForm({ onSaved, onCancel }: CardFormProps) {
  const stripe = useStripe();
  const elements = useElements();
  const queryClient = useQueryClient();
  const [isReady, setIsReady] = useState(false);
  const [isPending, setIsPending] = useState(false);
  const [error, setError] = useState<StripeError | null>(null);

  async function save(): Promise<void> {
    if (stripe === null || elements === null) return;
    setIsPending(true);
    setError(null);
    const result = await stripe.confirmSetup({
      elements,
      confirmParams: { return_url: `${location.origin}/app/payment` },
      redirect: "if_required",
    });
    setIsPending(false);
    if (result.error) return setError(result.error);
    onSaved();
    await queryClient.invalidateQueries();
  }

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!isPending) void save();
  };

  return (
    <form className="card-form" onSubmit={submit}>
      <PaymentElement onReady={() => setIsReady(true)} />
      {error !== null && <CardProblem error={error} />}
      <div className="actions">
        <ActionButton type="submit" isPending={isPending} isDisabled={!isReady}>
          {isPending ? "Saving…" : "Save card"}
        </ActionButton>
        <button type="button" onClick={onCancel}>
          Not now
        </button>
      </div>
    </form>
  );
}

const words: Record<string, { title: string; advice: string }> = {
  card_declined: {
    title: "The card was declined",
    advice: "It was not saved. Use another card, or ask your bank why.",
  },
  expired_card: { title: "The card has expired", advice: "It was not saved. Use another card." },
  setup_intent_authentication_failure: {
    title: "Your bank did not confirm the card",
    advice: "It was not saved. Try again, or use another card.",
  },
};

function CardProblem({ error }: { error: StripeError }) {
  const known = words[error.code ?? ""];
  return (
    <Notice tone="danger" title={known?.title ?? "The card was not saved"}>
      {known?.advice ?? error.message ?? "Check the fields, or use another card."}
    </Notice>
  );
}
