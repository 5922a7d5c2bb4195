import { useQuery } from "@tanstack/react-query";
import { invoiceStanding } from "../account/invoice-standing.ts";
import { useTRPC } from "../api/client.ts";
import type { Invoice } from "../api/router-outputs.ts";
import { Badge } from "../components/badge.tsx";
import { Facts } from "../components/facts.tsx";
import { Instant, Period } from "../components/instant.tsx";
import { InvoiceExplanation } from "../components/invoice-explanation.tsx";
import { InvoiceWayOut } from "../components/invoice-way-out.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { type Column, StackingTable, SumRow } from "../components/stacking-table.tsx";
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
      <Facts
        facts={[
          ["State", <Badge key="state" {...invoiceStanding(invoice)} />],
          ["Date", <Instant key="date" at={invoice.createdAt} style="minute" />],
          ...(invoice.refundedMinor > 0
            ? [["Refunded", formatMoney(invoice.refundedMinor, invoice.currency)] as const]
            : []),
        ]}
      />
      <InvoiceLines invoice={invoice} />
      <InvoiceWayOut invoice={invoice} isBackFromBank={isBackFromBank} />
    </section>
  );
}

function InvoiceLines({ invoice: { lines, currency, totalMinor, amountDueMinor } }: { invoice: Invoice }) {
  const columns: Column<Invoice["lines"][number]>[] = [
    { label: "For", cell: ({ description }) => description ?? "–" },
    { label: "Period", cell: ({ period }) => <Period period={period} /> },
    {
      label: "Quantity",
      isNumber: true,
      cell: ({ quantity }) => (quantity === null ? "–" : formatQuantity(quantity)),
    },
    { label: "Amount", isNumber: true, cell: ({ amountMinor }) => formatMoney(amountMinor, currency) },
  ];
  const sum = (label: string, amountMinor: number) => (
    <SumRow label={label} amount={formatMoney(amountMinor, currency)} columns={columns.length} />
  );
  return (
    <StackingTable
      columns={columns}
      rows={lines}
      // Lines have no id of their own, and never change their places.
      keyOf={(_line, index) => index}
      foot={
        <>
          {sum("Total", totalMinor)}
          {amountDueMinor !== totalMinor && sum("Due", amountDueMinor)}
        </>
      }
    />
  );
}
