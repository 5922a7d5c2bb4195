import { useQuery } from "@tanstack/react-query";
import { invoiceStanding } from "../account/invoice-standing.ts";
import { useTRPC } from "../api/client.ts";
import type { Invoice } from "../api/router-outputs.ts";
import { Badge } from "../components/badge.tsx";
import { Instant, Period } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { formatMoney } from "../format/money.ts";
import { formatQuantity } from "../format/quantity.ts";
import { Link } from "../routing/navigation.tsx";

/** One invoice and its lines, with the ways to pay and to keep it. */
export function InvoicePage({ invoiceId }: { invoiceId: string }) {
  const invoice = useQuery(useTRPC().invoices.get.queryOptions({ invoiceId }));
  return (
    <Page title={`Invoice ${invoice.data?.number ?? ""}`.trim()}>
      <p>
        <Link to="/app/invoices">← All invoices</Link>
      </p>
      <Loaded query={invoice} what="the invoice">
        {(data) => <InvoiceDetail invoice={data} />}
      </Loaded>
    </Page>
  );
}

function InvoiceDetail({ invoice }: { invoice: Invoice }) {
  const { status, currency, hostedUrl, pdfUrl, amountDueMinor } = invoice;
  const isToPay = (status === "open" || status === "uncollectible") && amountDueMinor > 0;
  return (
    <section className="panel">
      <dl className="facts">
        <div>
          <dt>State</dt>
          <dd>
            <Badge {...invoiceStanding(status)} />
          </dd>
        </div>
        <div>
          <dt>Date</dt>
          <dd>
            <Instant at={invoice.createdAt} style="minute" />
          </dd>
        </div>
      </dl>
      <InvoiceLines invoice={invoice} />
      {(hostedUrl !== null || pdfUrl !== null) && (
        <div className="actions">
          {hostedUrl !== null && (
            <a className={isToPay ? "button primary" : "button"} href={hostedUrl}>
              {isToPay ? `Pay ${formatMoney(amountDueMinor, currency)}` : "Open at Stripe"}
            </a>
          )}
          {pdfUrl !== null && (
            <a className="button" href={pdfUrl}>
              Download PDF
            </a>
          )}
        </div>
      )}
      {status === "draft" && (
        <p className="muted">This invoice is still being prepared; its amounts may change.</p>
      )}
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
