import { useQuery } from "@tanstack/react-query";
import { invoiceStanding } from "../account/invoice-standing.ts";
import { useTRPC } from "../api/client.ts";
import type { Invoice } from "../api/router-outputs.ts";
import { Badge } from "../components/badge.tsx";
import { Instant, Period } from "../components/instant.tsx";
import { InvoiceExplanation } from "../components/invoice-explanation.tsx";
import { InvoiceWayOut } from "../components/invoice-way-out.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { formatMoney } from "../format/money.ts";
import { formatQuantity } from "../format/quantity.ts";
import { Link } from "../routing/navigation.tsx";

interface InvoicePageProps {
  invoiceId: string;
  /** The customer comes from the bank's own page of this invoice's payment. */
  isBackFromBank: boolean;
}

const refreshEveryMs = 10_000;

/** One invoice and its lines, with the ways to pay and to keep it, and how its usage was billed. */
export function InvoicePage({ invoiceId, isBackFromBank }: InvoicePageProps) {
  const invoice = useQuery(
    useTRPC().invoices.get.queryOptions({ invoiceId }, { refetchInterval: refreshEveryMs }),
  );
  return (
    <Page title={`Invoice ${invoice.data?.number ?? ""}`.trim()}>
      <p>
        <Link to="/app/invoices">← All invoices</Link>
      </p>
      <Loaded query={invoice} what="the invoice">
        {(data) => <InvoiceDetail invoice={data} isBackFromBank={isBackFromBank} />}
      </Loaded>
      {invoice.data !== undefined && <InvoiceExplanation invoiceId={invoiceId} />}
    </Page>
  );
}

function InvoiceDetail({ invoice, isBackFromBank }: { invoice: Invoice; isBackFromBank: boolean }) {
  return (
    <section className="panel" aria-label="Invoice">
      <dl className="facts">
        <div>
          <dt>State</dt>
          <dd>
            <Badge {...invoiceStanding(invoice)} />
          </dd>
        </div>
        <div>
          <dt>Date</dt>
          <dd>
            <Instant at={invoice.createdAt} style="minute" />
          </dd>
        </div>
        {invoice.refundedMinor > 0 && (
          <div>
            <dt>Refunded</dt>
            <dd>{formatMoney(invoice.refundedMinor, invoice.currency)}</dd>
          </div>
        )}
      </dl>
      <InvoiceLines invoice={invoice} />
      <InvoiceWayOut invoice={invoice} isBackFromBank={isBackFromBank} />
    </section>
  );
}

function InvoiceLines({ invoice: { lines, currency, totalMinor, amountDueMinor } }: { invoice: Invoice }) {
  return (
    <table className="stacking">
      <thead>
        <tr>
          <th scope="col">For</th>
          <th scope="col">Period</th>
          <th scope="col" className="number">
            Quantity
          </th>
          <th scope="col" className="number">
            Amount
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line, index) => (
          // Lines have no id of their own, and never change their places.
          <tr key={index}>
            <th scope="row" data-label="For">
              {line.description ?? "–"}
            </th>
            <td data-label="Period">
              <Period period={line.period} />
            </td>
            <td data-label="Quantity" className="number">
              {line.quantity === null ? "–" : formatQuantity(line.quantity)}
            </td>
            <td data-label="Amount" className="number">
              {formatMoney(line.amountMinor, currency)}
            </td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <SumRow label="Total" amount={formatMoney(totalMinor, currency)} />
        {amountDueMinor !== totalMinor && (
          <SumRow label="Due" amount={formatMoney(amountDueMinor, currency)} />
        )}
      </tfoot>
    </table>
  );
}

const SumRow = ({ label, amount }: { label: string; amount: string }) => (
  <tr>
    <th scope="row" colSpan={3}>
      {label}
    </th>
    <td className="number">
      <strong>{amount}</strong>
    </td>
  </tr>
);
