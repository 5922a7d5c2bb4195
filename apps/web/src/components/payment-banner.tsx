import { useQuery } from "@tanstack/react-query";
import { paymentWarning } from "../account/standing.ts";
import { useTRPC } from "../api/client.ts";
import type { Subscription } from "../api/router-outputs.ts";
import { formatMoney } from "../format/money.ts";
import { Link } from "../routing/navigation.tsx";
import { Notice } from "./notice.tsx";

interface PaymentBannerProps {
  subscription: Subscription;
  /** Where a new card can be entered is in sight already. */
  isByCardForm?: boolean;
}

/** What is owed, what will happen, and the ways to pay. */
export function PaymentBanner({ subscription, isByCardForm }: PaymentBannerProps) {
  const warning = paymentWarning(subscription);
  const isOwing = warning !== null;
  const invoices = useQuery(useTRPC().invoices.list.queryOptions({}, { enabled: isOwing }));
  if (!isOwing) return null;
  const owed = invoices.data?.data.filter(
    ({ status, amountDueMinor }) => amountDueMinor > 0 && (status === "open" || status === "uncollectible"),
  );
  return (
    <Notice
      tone={warning.tone}
      title={warning.title}
      actions={
        <>
          {!isByCardForm && (
            <Link className="button primary" to="/app/payment">
              Use another card
            </Link>
          )}
          {owed?.map(
            ({ id, number, hostedUrl, amountDueMinor, currency }) =>
              hostedUrl !== null && (
                <a key={id} className="button" href={hostedUrl}>
                  Pay {formatMoney(amountDueMinor, currency)} of invoice {number ?? id}
                </a>
              ),
          )}
        </>
      }
    >
      {warning.detail}
    </Notice>
  );
}
