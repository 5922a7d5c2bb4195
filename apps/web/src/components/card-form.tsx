import { PaymentElement, useElements, useStripe } from "@stripe/react-stripe-js";
import type { StripeError } from "@stripe/stripe-js";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { ActionButton } from "./action-button.tsx";
import { Notice } from "./notice.tsx";
import { useFocus } from "./use-focus.ts";

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
  const [loadError, setLoadError] = useState<StripeError | null>(null);
  const form = useFocus<HTMLFormElement>();
  const save = useMutation({
    // What Stripe refuses is an answer; null is none.
    mutationFn: async (): Promise<StripeError | null> => {
      if (stripe === null || elements === null) throw new Error("Stripe’s fields are not there yet");
      const { error } = await stripe.confirmSetup({
        elements,
        confirmParams: { return_url: `${location.origin}/app/payment` },
        redirect: "if_required",
      });
      return error ?? null;
    },
    onSuccess: async (refusal) => {
      if (refusal !== null) return;
      onSaved();
      await queryClient.invalidateQueries();
    },
  });

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };

  return (
    <form ref={form} className="card-form" aria-label="New card" tabIndex={-1} onSubmit={submit}>
      <PaymentElement onReady={() => setIsReady(true)} onLoadError={({ error }) => setLoadError(error)} />
      {loadError !== null && (
        <Notice tone="danger" title="The card form could not be loaded">
          {loadError.message ?? "Try again in a moment."}
        </Notice>
      )}
      {save.data && <CardProblem error={save.data} />}
      {save.isError && <CardProblem error={null} />}
      <div className="actions">
        <ActionButton type="submit" isPending={save.isPending} isDisabled={!isReady}>
          {save.isPending ? "Saving…" : "Save card"}
        </ActionButton>
        {/* A card that is on its way is not kept from being saved by going away. */}
        <ActionButton look="plain" isPending={save.isPending} onClick={onCancel}>
          Not now
        </ActionButton>
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

/** Why the card was not saved; null where even Stripe did not say. */
function CardProblem({ error }: { error: StripeError | null }) {
  const known = words[error?.code ?? ""];
  return (
    <Notice tone="danger" title={known?.title ?? "The card was not saved"}>
      {known?.advice ?? error?.message ?? "Check the fields, or use another card."}
    </Notice>
  );
}
