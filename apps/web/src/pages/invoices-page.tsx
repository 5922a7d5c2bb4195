import { useInfiniteQuery } from "@tanstack/react-query";
import { invoiceStanding, isToPay } from "../account/invoice-standing.ts";
import { useTRPC } from "../api/client.ts";
import type { Invoice } from "../api/router-outputs.ts";
import { ActionButton } from "../components/action-button.tsx";
import { Badge } from "../components/badge.tsx";
import { Instant } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { formatMoney } from "../format/money.ts";
import { Link } from "../routing/navigation.tsx";

/** All invoices, the newest first. */
export function InvoicesPage() {
  const invoices = useInfiniteQuery(
    useTRPC().invoices.list.infiniteQueryOptions({}, { getNextPageParam: ({ nextCursor }) => nextCursor }),
  );
  return (
    <Page title="Invoices">
      <Loaded query={invoices} what="your invoices">
        {({ pages }) => {
          const all = pages.flatMap((page) => page.data);
          return all.length === 0 ? (
            <p className="empty panel">
              There are no invoices yet: the first comes with your first paid plan.
            </p>
          ) : (
            <InvoiceTable invoices={all} />
          );
        }}
      </Loaded>
      {invoices.hasNextPage && (
        <div className="actions">
          <ActionButton
            look="plain"
            isPending={invoices.isFetchingNextPage}
            onClick={() => void invoices.fetchNextPage()}
          >
            Show older ones
          </ActionButton>
        </div>
      )}
    </Page>
  );
}

function InvoiceTable({ invoices }: { invoices: readonly Invoice[] }) {
  return (
    <div className="panel">
      <table className="stacking">
        <thead>
          <tr>
            <th scope="col">Invoice</th>
            <th scope="col">Date</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Total
            </th>
            <th scope="col">
              <span className="hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {invoices.map((invoice) => (
            <tr key={invoice.id}>
              <th scope="row" data-label="Invoice">
                <Link to={`/app/invoices/${encodeURIComponent(invoice.id)}`}>
                  {invoice.number ?? "Draft"}
                </Link>
              </th>
              <td data-label="Date">
                <Instant at={invoice.createdAt} />
              </td>
              <td data-label="State">
                <Badge {...invoiceStanding(invoice)} />
              </td>
              <td data-label="Total" className="number">
                {formatMoney(invoice.totalMinor, invoice.currency)}
              </td>
              <td className="row-action">
                <NextStep invoice={invoice} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NextStep({ invoice }: { invoice: Invoice }) {
  const { id, number, hostedUrl, needsConfirmation } = invoice;
  if (needsConfirmation) {
    return (
      <Link to={`/app/invoices/${encodeURIComponent(id)}`}>
        Confirm<span className="hidden"> the payment of {number ?? id}</span>
      </Link>
    );
  }
  if (!isToPay(invoice) || hostedUrl === null) return null;
  return (
    <a href={hostedUrl}>
      Pay now<span className="hidden">: {number ?? id}</span>
    </a>
  );
}
