import { useInfiniteQuery } from "@tanstack/react-query";
import { invoiceStanding, isToPay } from "../account/invoice-standing.ts";
import { useTRPC } from "../api/client.ts";
import type { Invoice } from "../api/router-outputs.ts";
import { Badge } from "../components/badge.tsx";
import { Instant } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { ShowMore } from "../components/show-more.tsx";
import { StackingTable } from "../components/stacking-table.tsx";
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
      <ShowMore list={invoices} label="Show older ones" />
    </Page>
  );
}

const InvoiceTable = ({ invoices }: { invoices: readonly Invoice[] }) => (
  <div className="panel">
    <StackingTable
      rows={invoices}
      keyOf={({ id }) => id}
      columns={[
        {
          label: "Invoice",
          cell: ({ id, number }) => (
            <Link to={`/app/invoices/${encodeURIComponent(id)}`}>{number ?? "Draft"}</Link>
          ),
        },
        { label: "Date", cell: ({ createdAt }) => <Instant at={createdAt} /> },
        { label: "State", cell: (invoice) => <Badge {...invoiceStanding(invoice)} /> },
        {
          label: "Total",
          isNumber: true,
          cell: ({ totalMinor, currency }) => formatMoney(totalMinor, currency),
        },
        { label: "What to do", isAction: true, cell: (invoice) => <NextStep invoice={invoice} /> },
      ]}
    />
  </div>
);

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
