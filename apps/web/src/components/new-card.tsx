import { Elements } from "@stripe/react-stripe-js";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "../api/client.ts";
import { useStripeJs } from "../payment/use-stripe-js.ts";
import { ActionButton } from "./action-button.tsx";
import { CardForm } from "./card-form.tsx";
import { Notice } from "./notice.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

/** Puts a new card on file, with Stripe's own fields. */
export function NewCard() {
  const [left, setLeft] = useState<"saved" | "cancelled" | null>(null);
  const stripe = useStripeJs();
  const setup = useMutation(useTRPC().paymentMethod.setup.mutationOptions());
  const begin = () => {
    setLeft(null);
    setup.mutate({});
  };
  const leave = (how: "saved" | "cancelled") => {
    setLeft(how);
    setup.reset();
  };
  return (
    <section className="panel" aria-labelledby="card-title">
      <h2 id="card-title">New card</h2>
      {left === "saved" && <CardSaved isAnswer />}
      {stripe.isError && (
        <Notice
          tone="danger"
          title="The card form could not be loaded"
          actions={<Retry onClick={stripe.retry} />}
        >
          Something in your browser or network may block Stripe. The portal below does the same.
        </Notice>
      )}
      {setup.isError && <ProblemNotice error={setup.error} retry={begin} />}
      {setup.isSuccess && stripe.instance !== null ? (
        <Elements
          key={setup.data.clientSecret}
          stripe={stripe.instance}
          options={{ clientSecret: setup.data.clientSecret, appearance: { theme: elementsTheme() } }}
        >
          <CardForm onCancel={() => leave("cancelled")} onSaved={() => leave("saved")} />
        </Elements>
      ) : (
        !stripe.isError && (
          <>
            <p>The new card becomes the one that is charged.</p>
            <div className="actions">
              <ActionButton
                isPending={setup.isPending || setup.isSuccess}
                onClick={begin}
                takesFocus={left === "cancelled"}
              >
                Add a card
              </ActionButton>
            </div>
          </>
        )
      )}
    </section>
  );
}

/** The word for a card that was saved here, or at a bank's own page. */
export const CardSaved = ({ isAnswer = false }: { isAnswer?: boolean }) => (
  <Notice isAnswer={isAnswer} tone="good" title="Your new card is saved">
    It is used from the next payment on; what is owed is charged to it now.
  </Notice>
);

const Retry = ({ onClick }: { onClick: () => void }) => (
  <button type="button" onClick={onClick}>
    Try again
  </button>
);

const elementsTheme = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe");
