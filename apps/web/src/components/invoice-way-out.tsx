import { useState } from "react";
import { declineWords } from "../account/decline-words.ts";
import { isToPay } from "../account/invoice-standing.ts";
import type { Invoice } from "../api/router-outputs.ts";
import { formatMoney } from "../format/money.ts";
import { Link } from "../routing/navigation.tsx";
import { ConfirmPayment } from "./confirm-payment.tsx";

interface InvoiceWayOutProps {
  invoice: Invoice;
  /** The customer comes from the bank's own page. */
  isBackFromBank: boolean;
}

/** What is to be done about an invoice that is not paid, and where it can be kept from. */
export function InvoiceWayOut({ invoice, isBackFromBank }: InvoiceWayOutProps) {
  const { id, status, currency, hostedUrl, pdfUrl, amountDueMinor, needsConfirmation, declineCode } = invoice;
  // Its word stays once the invoice is paid.
  const [isConfirmed, setIsConfirmed] = useState(false);
  const isOwed = isToPay(invoice);
  return (
    <>
      {needsConfirmation ? (
        <p>Your bank asks you to confirm this payment. Until then it counts as unpaid.</p>
      ) : (
        isOwed && declineCode !== null && <p>The last payment failed. {declineWords(declineCode)}</p>
      )}
      {(needsConfirmation || isBackFromBank || isConfirmed) && (
        <ConfirmPayment invoiceId={id} isBack={isBackFromBank} onPaid={() => setIsConfirmed(true)} />
      )}
      <div className="actions">
        {hostedUrl !== null && (
          <a className={isOwed && !needsConfirmation ? "button primary" : "button"} href={hostedUrl}>
            {isOwed ? `Pay ${formatMoney(amountDueMinor, currency)} now` : "Open at Stripe"}
          </a>
        )}
        {isOwed && status === "open" && (
          <Link className="button" to="/app/payment">
            Use another card
          </Link>
        )}
        {pdfUrl !== null && (
          <a className="button" href={pdfUrl}>
            Download PDF
          </a>
        )}
      </div>
      {status === "draft" && (
        <p className="muted">This invoice is still being prepared; its amounts may change.</p>
      )}
    </>
  );
}
