import { useQuery } from "@tanstack/react-query";
import { adjustmentOutcome, adjustmentReason } from "../account/adjustment-words.ts";
import { useTRPC } from "../api/client.ts";
import type { ExplainedLine } from "../api/router-outputs.ts";
import { formatMetric, formatMetricPhrase, metricWords } from "../format/metric.ts";
import { formatMoney } from "../format/money.ts";
import { formatQuantity } from "../format/quantity.ts";
import { Instant, Period } from "./instant.tsx";
import { LinePages } from "./line-pages.tsx";
import { Loaded } from "./loaded.tsx";
import { type Column, StackingTable, SumRow } from "./stacking-table.tsx";

interface ExplainedLineProps {
  invoiceId: string;
  currency: string;
  line: ExplainedLine;
}

/** How the usage on an invoice was billed: from each line to its arithmetic, its parts and its events. */
export function InvoiceExplanation({ invoiceId }: { invoiceId: string }) {
  const explained = useQuery(useTRPC().invoices.explain.queryOptions({ invoiceId }));
  if (explained.data?.lines.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="explanation-title">
      <h2 id="explanation-title">How your usage was billed</h2>
      <Loaded query={explained} what="how your usage was billed">
        {({ lines, currency }) =>
          lines.map((line) => (
            <Line
              key={`${line.metric} ${line.period.start}`}
              invoiceId={invoiceId}
              currency={currency}
              line={line}
            />
          ))
        }
      </Loaded>
    </section>
  );
}

function Line({ invoiceId, currency, line }: ExplainedLineProps) {
  const { metric, quantity, amountMinor, period } = line;
  return (
    <section className="explained" aria-label={metricWords(metric).name}>
      <h3>
        {metricWords(metric).name}: {formatMetricPhrase(metric, quantity)} are{" "}
        {formatMoney(amountMinor, currency)}
      </h3>
      <p className="muted">
        Used in <Period period={period} />
      </p>
      {line.charge !== null && <Arithmetic currency={currency} line={line} charge={line.charge} />}
      <Segments currency={currency} line={line} />
      {/* A line that was drawn before its price was ours says nothing of what is behind it. */}
      {line.segments.length > 0 && <LinePages invoiceId={invoiceId} metric={metric} />}
    </section>
  );
}

type Charge = NonNullable<ExplainedLine["charge"]>;
type Tier = Charge["tiers"][number];

function Arithmetic({ currency, line, charge }: Omit<ExplainedLineProps, "invoiceId"> & { charge: Charge }) {
  const rate = ({ amountMinor, perUnits }: Tier) =>
    amountMinor === 0
      ? "included"
      : `${formatMoney(amountMinor, currency)} for each ${formatQuantity(perUnits)}`;
  const columns: Column<Tier>[] = [
    {
      label: `Of the ${metricWords(line.metric).units}`,
      cell: ({ from, upTo }) => {
        const [past, last] = [from, upTo].map((bound) => bound !== null && formatMetric(line.metric, bound));
        if (upTo === null) return `past ${past}`;
        return from === 0 ? `the first ${last}` : `past ${past}, up to ${last}`;
      },
    },
    { label: "Price", cell: rate },
    { label: "Used", isNumber: true, cell: ({ units }) => formatMetric(line.metric, units) },
    {
      label: "Amount",
      isNumber: true,
      cell: ({ units, amountMinor, perUnits }) =>
        formatMoney(Math.round((units * amountMinor) / perUnits), currency),
    },
  ];
  const sumLabel = charge.isAsInvoiced
    ? "Rounded once, as on the invoice"
    : "By the present price; the invoice was drawn by another";
  return (
    <StackingTable
      caption="The arithmetic of the line"
      columns={columns}
      rows={charge.tiers}
      keyOf={({ from }) => from}
      foot={
        <SumRow
          label={sumLabel}
          amount={formatMoney(charge.amountMinor, currency)}
          columns={columns.length}
        />
      }
    />
  );
}

/** The parts of the account's time that a line bills; a change of plan makes a new one. */
function Segments({ currency, line }: Omit<ExplainedLineProps, "invoiceId">) {
  const { metric, segments } = line;
  if (segments.length === 0) return null;
  return (
    <ul className="segments-list">
      {segments.map(({ period, planId, total, reported, closedAt, adjustments, digest }) => (
        <li key={period.start}>
          <p>
            <Instant at={period.start} style="minute" /> – <Instant at={period.end} style="minute" /> on{" "}
            {planId}: <strong>{formatMetricPhrase(metric, total.quantity)}</strong> in{" "}
            {formatQuantity(total.eventCount)} {total.eventCount === 1 ? "record" : "records"}, of them{" "}
            {formatMetric(metric, reported.quantity)} told to Stripe in {formatQuantity(reported.windows)}{" "}
            {reported.windows === 1 ? "window" : "windows"}. {closedAt === null && "It is not closed yet."}
          </p>
          {adjustments.map(({ id, fromQuantity, toQuantity, amountMinor, reason, state }) => (
            <p key={id}>
              Billed apart, as {adjustmentReason(reason)}:{" "}
              {toQuantity !== fromQuantity && `${formatMetricPhrase(metric, toQuantity - fromQuantity)} for `}
              {formatMoney(amountMinor, currency)} ({adjustmentOutcome(state)}).
            </p>
          ))}
          {digest !== null && (
            <p className="muted">
              Digest of its events, which you can compute too: <code>{digest.digest}</code>
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}
