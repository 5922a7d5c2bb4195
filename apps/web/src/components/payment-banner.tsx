import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { isToPay } from "../account/invoice-standing.ts";
import { cardWarning, paymentWarning } from "../account/standing.ts";
import { useTRPC } from "../api/client.ts";
import type { Subscription } from "../api/router-outputs.ts";
import { formatMoney } from "../format/money.ts";
import { Link } from "../routing/navigation.tsx";
import { ConfirmPayment } from "./confirm-payment.tsx";
import { Notice } from "./notice.tsx";

interface PaymentBannerProps {
  subscription: Subscription;
  /** Where a new card can be entered is in sight already. */
  isByCardForm?: boolean;
}

/** What is wrong with the account's payments, what will happen, and the ways out. */
export function PaymentBanner({ subscription, isByCardForm = false }: PaymentBannerProps) {
  const [isConfirmed, setIsConfirmed] = useState(false);
  const warning = paymentWarning(subscription);
  if (warning === null) {
    return isConfirmed ? (
      <Notice isAnswer tone="good" title="The payment is confirmed">
        Nothing is owed any more.
      </Notice>
    ) : (
      <CardBanner subscription={subscription} isByCardForm={isByCardForm} />
    );
  }
  const { paymentState, dueInvoice } = subscription;
  const isDisputed = paymentState === "disputed";
  return (
    <Notice
      tone={warning.tone}
      title={warning.title}
      actions={
        <>
          {!isDisputed && !isByCardForm && <OtherCard isPrimary={paymentState !== "action_required"} />}
          {isDisputed ? (
            <Link className="button" to="/app/invoices">
              See invoices
            </Link>
          ) : (
            <PayLinks />
          )}
        </>
      }
    >
      <p>{warning.detail}</p>
      {dueInvoice?.needsConfirmation && (
        <ConfirmPayment key={dueInvoice.id} invoiceId={dueInvoice.id} onPaid={() => setIsConfirmed(true)} />
      )}
    </Notice>
  );
}

/** A card that ends soon, while nothing is owed. */
function CardBanner({ subscription, isByCardForm }: Required<PaymentBannerProps>) {
  const warning = cardWarning(subscription);
  if (warning === null) return null;
  return (
    <Notice tone={warning.tone} title={warning.title} actions={!isByCardForm && <OtherCard isPrimary />}>
      {warning.detail}
    </Notice>
  );
}

const OtherCard = ({ isPrimary }: { isPrimary: boolean }) => (
  <Link className={isPrimary ? "button primary" : "button"} to="/app/payment">
    Use another card
  </Link>
);

/** Stripe's page of each invoice that is to be paid. */
function PayLinks() {
  const invoices = useQuery(useTRPC().invoices.list.queryOptions({}));
  const owed = invoices.data?.data.filter(isToPay) ?? [];
  return owed.map(
    ({ id, number, hostedUrl, amountDueMinor, currency }) =>
      hostedUrl !== null && (
        <a key={id} className="button" href={hostedUrl}>
          Pay {formatMoney(amountDueMinor, currency)} now
          {owed.length > 1 && ` (invoice ${number ?? id})`}
        </a>
      ),
  );
}
