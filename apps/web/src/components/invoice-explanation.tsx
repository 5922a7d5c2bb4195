import { useQuery } from "@tanstack/react-query";
import { adjustmentOutcome, adjustmentReason } from "../account/adjustment-words.ts";
import { useTRPC } from "../api/client.ts";
import type { ExplainedLine } from "../api/router-outputs.ts";
import { formatMetric, formatMetricPhrase, metricWords } from "../format/metric.ts";
import { formatMoney } from "../format/money.ts";
import { formatQuantity } from "../format/quantity.ts";
import { Instant, Period } from "./instant.tsx";
import { LineEvents, LineReports } from "./line-pages.tsx";
import { Loaded } from "./loaded.tsx";

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
      {line.segments.length > 0 && (
        <div className="explained-pages">
          <LineEvents invoiceId={invoiceId} metric={metric} />
          <LineReports invoiceId={invoiceId} metric={metric} />
        </div>
      )}
    </section>
  );
}

type Charge = NonNullable<ExplainedLine["charge"]>;

function Arithmetic({ currency, line, charge }: Omit<ExplainedLineProps, "invoiceId"> & { charge: Charge }) {
  const rate = ({ amountMinor, perUnits }: Charge["tiers"][number]) =>
    amountMinor === 0
      ? "included"
      : `${formatMoney(amountMinor, currency)} for each ${formatQuantity(perUnits)}`;
  return (
    <table className="stacking">
      <caption className="hidden">The arithmetic of the line</caption>
      <thead>
        <tr>
          <th scope="col">Of the {metricWords(line.metric).units}</th>
          <th scope="col">Price</th>
          <th scope="col" className="number">
            Used
          </th>
          <th scope="col" className="number">
            Amount
          </th>
        </tr>
      </thead>
      <tbody>
        {charge.tiers.map((tier) => (
          <tr key={tier.from}>
            <th scope="row" data-label="Which">
              {tier.upTo === null
                ? `past ${formatMetric(line.metric, tier.from)}`
                : `the first ${formatMetric(line.metric, tier.upTo)}`}
            </th>
            <td data-label="Price">{rate(tier)}</td>
            <td data-label="Used" className="number">
              {formatMetric(line.metric, tier.units)}
            </td>
            <td data-label="Amount" className="number">
              {formatMoney(Math.round((tier.units * tier.amountMinor) / tier.perUnits), currency)}
            </td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row" colSpan={3}>
            {charge.isAsInvoiced
              ? "Rounded once, as on the invoice"
              : "By the present price; the invoice was drawn by another"}
          </th>
          <td className="number">
            <strong>{formatMoney(charge.amountMinor, currency)}</strong>
          </td>
        </tr>
      </tfoot>
    </table>
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
