import type {
  DoubtedLaneDto,
  DoubtedReportDto,
  ReportDecision,
  ReportDecisionDto,
} from "@driftlock/contracts";
import { ActionButton } from "../components/action-button.tsx";
import { Facts } from "../components/facts.tsx";
import { Instant } from "../components/instant.tsx";
import { Page } from "../components/page.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { formatMetric, formatMetricPhrase, metricWords } from "../format/metric.ts";
import { Link } from "../routing/navigation.tsx";
import { Answer, useOperatorAction, useOperatorList, useOperatorPreview } from "./operator-context.tsx";
import { AccountLink, type Filter, Filters, List } from "./operator-parts.tsx";

const reasons: Record<DoubtedLaneDto["state"], string> = {
  unanswered: "Sent a day ago, never answered",
  "not-found": "Taken, and not in Stripe’s summaries",
  "not-resent": "Failed, and Stripe’s summaries do not say whether it arrived",
};

const states = [
  { value: "", label: "Any" },
  ...Object.entries(reasons).map(([value, label]) => ({ value, label })),
];

/** Reports to Stripe of which only a person can tell whether it has them. */
export function ReportsPage({ filter }: { filter: Filter }) {
  const query = { state: filter["state"] ?? null, accountId: filter["accountId"] ?? null };
  const list = useOperatorList<DoubtedLaneDto>("/reports", query);
  return (
    <Page
      title="Reports in doubt"
      lead={
        <>
          Our ledger and Stripe’s summaries differ, and the difference can be explained in several ways, or in
          none. Look at the meter’s events at Stripe, then say of each report whether it is there. What Stripe
          refused, or one report alone explains, waits under{" "}
          <Link to="/app/operator/quarantine">Set aside</Link>.
        </>
      }
    >
      <Filters
        to="/app/operator/reports"
        filter={filter}
        fields={[
          { name: "state", label: "State", options: states },
          { name: "accountId", label: "Account" },
        ]}
      />
      <Answer />
      <List list={list} what="the reports in doubt" empty="No report is in doubt.">
        {(lanes) => (
          <div className="cards">
            {lanes.map((lane) => (
              <Lane key={`${lane.stripeCustomerId} ${lane.meterEventName} ${lane.state}`} lane={lane} />
            ))}
          </div>
        )}
      </List>
    </Page>
  );
}

function Lane({ lane }: { lane: DoubtedLaneDto }) {
  const { stripeCustomerId, meterEventName, state, figures, windowCount, windows, since } = lane;
  const [first] = windows;
  const shown = (quantity: number) =>
    first === undefined ? String(quantity) : formatMetric(first.metric, quantity);
  return (
    <article className="panel" aria-label={`${meterEventName} of ${stripeCustomerId}`}>
      <h2>
        <code>{meterEventName}</code> of <code>{stripeCustomerId}</code>
      </h2>
      <p>
        <strong>{reasons[state]}.</strong>
      </p>
      <Facts
        facts={[
          ["Account", <AccountLink key="account" id={first?.accountId ?? null} />],
          ["In doubt since", <Instant key="since" at={since} style="minute" />],
          ["From", <Instant key="from" at={figures.from} style="minute" />],
          ["Until", <Instant key="until" at={figures.until} style="minute" />],
          ["Our ledger", shown(figures.reported)],
          ["Stripe", figures.atStripe === null ? "could not be asked" : shown(figures.atStripe)],
          ["Reports", String(windowCount)],
        ]}
      />
      {windows.map((window) => (
        <DoubtedReport key={window.identifier} report={window} />
      ))}
      {windowCount > windows.length && (
        <p className="muted">
          The first {windows.length} are shown; the others follow once these are decided.
        </p>
      )}
    </article>
  );
}

function DoubtedReport({ report }: { report: DoubtedReportDto }) {
  const { identifier, metric, fromQuantity, toQuantity, eventAt, lastError } = report;
  return (
    <section className="difference" aria-label={identifier}>
      <p>
        <strong>{formatMetricPhrase(metric, toQuantity - fromQuantity)}</strong>, from{" "}
        {formatMetric(metric, fromQuantity)} to {formatMetric(metric, toQuantity)}, dated{" "}
        <Instant at={eventAt} style="minute" />: <code>{identifier}</code>
      </p>
      {report.isPeriodClosed && (
        <p className="muted">
          The period of these {metricWords(metric).units} is closed: what Stripe lacks of it is billed apart,
          and telling Stripe changes no invoice.
        </p>
      )}
      {lastError !== null && <p className="muted">The latest answer: {lastError}</p>}
      <Choice identifier={identifier} decision="at-stripe" label="Stripe has it" />
      <Choice identifier={identifier} decision="missing" label="Stripe does not have it" />
    </section>
  );
}

interface ChoiceProps {
  identifier: string;
  decision: ReportDecision;
  label: string;
}

/** One of the two answers: what follows from it is shown before it can be given. */
function Choice({ identifier, decision, label }: ChoiceProps) {
  const path = `/reports/${encodeURIComponent(identifier)}/${decision}`;
  const preview = useOperatorPreview<ReportDecisionDto>(path, { preview: true });
  const decide = useOperatorAction<ReportDecisionDto>({
    path,
    answer: ({ summary }) => ({ title: `${identifier}: ${label.toLowerCase()}`, detail: <p>{summary}</p> }),
  });
  return (
    <div className="decision" role="group" aria-label={label}>
      {preview.data !== undefined && <p role="status">{preview.data.summary}</p>}
      {preview.isError && <ProblemNotice error={preview.error} />}
      {decide.isError && <ProblemNotice error={decide.error} />}
      <div className="actions">
        <ActionButton look="plain" isPending={preview.isPending} onClick={() => preview.mutate()}>
          {preview.data === undefined ? label : "Look again"}
        </ActionButton>
        {preview.data !== undefined && (
          <ActionButton isPending={decide.isPending} onClick={() => decide.mutate()}>
            Yes: {label}
          </ActionButton>
        )}
      </div>
    </div>
  );
}
