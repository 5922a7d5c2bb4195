import type { LatePreviewDto, QuarantineDto } from "@driftlock/contracts";
import type { Standing } from "../account/standing.ts";
import { ActionButton } from "../components/action-button.tsx";
import { Badge } from "../components/badge.tsx";
import { Facts } from "../components/facts.tsx";
import { Instant } from "../components/instant.tsx";
import { Page } from "../components/page.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { formatMetricPhrase } from "../format/metric.ts";
import { formatMoney } from "../format/money.ts";
import { Answer, useOperatorAction, useOperatorList, useOperatorPreview } from "./operator-context.tsx";
import { AccountLink, Decision, type Filter, Filters, List } from "./operator-parts.tsx";

const states = [
  { value: "", label: "Open" },
  { value: "replayed", label: "Sent in again" },
  { value: "discarded", label: "Discarded" },
];

const reasonLabels: Record<string, string> = {
  late: "Late: you decide",
  conflict: "Same id, other content",
  "no-period": "No period holds it",
  "unknown-metric": "Unknown metric",
  "not-storable": "Cannot be stored",
  unreadable: "Cannot be read",
  "stripe:lost": "Stripe took it, and has it not",
};

const reasons = [
  { value: "", label: "Any" },
  ...Object.entries(reasonLabels).map(([value, label]) => ({ value, label })),
];

const standings: Record<QuarantineDto["state"], Standing> = {
  open: { label: "Open", tone: "warning" },
  replayed: { label: "Sent in again", tone: "good" },
  discarded: { label: "Discarded", tone: "neutral" },
};

/** What was accepted and could not be counted, or told to Stripe, and waits for a decision. */
export function QuarantinePage({ filter }: { filter: Filter }) {
  const list = useOperatorList<QuarantineDto>("/quarantine", {
    state: filter["state"] ?? "open",
    reason: filter["reason"] ?? null,
    accountId: filter["accountId"] ?? null,
  });
  return (
    <Page
      title="Set aside"
      lead="Events that were accepted and could not be counted, and reports that Stripe could not. Nothing of it is lost; it waits for you."
    >
      <Filters
        to="/app/operator/quarantine"
        filter={filter}
        fields={[
          { name: "state", label: "State", options: states },
          { name: "reason", label: "Reason", options: reasons },
          { name: "accountId", label: "Account" },
        ]}
      />
      <Answer />
      <List list={list} what="what was set aside" empty="Nothing waits here.">
        {(items) => (
          <>
            <Cost items={items} />
            <div className="cards">
              {items.map((item) => (
                <SetAside key={item.id} item={item} />
              ))}
            </div>
          </>
        )}
      </List>
    </Page>
  );
}

/** What stands for a report of ours at Stripe, and not for an event of a producer. */
const isReport = ({ reason }: QuarantineDto): boolean => reason.startsWith("stripe:");

/** What all that is shown would cost, if it were sent in again. */
function Cost({ items }: { items: readonly QuarantineDto[] }) {
  const ids = items.filter((item) => item.state === "open" && !isReport(item)).map(({ id }) => id);
  if (ids.length < 2) return null;
  return (
    <section className="panel" aria-label="The cost of all of them">
      <div className="actions">
        {/* What others would have cost says nothing of these. */}
        <Preview key={ids.join()} ids={ids} label={`What would these ${ids.length} events cost?`} />
      </div>
    </section>
  );
}

function Preview({ ids, label }: { ids: readonly string[]; label: string }) {
  const preview = useOperatorPreview<LatePreviewDto>("/quarantine/preview", { ids });
  const { data } = preview;
  return (
    <>
      {data !== undefined && (
        <div className="difference" role="status">
          <p>
            <strong>{data.summary}</strong>
          </p>
          {data.lines.map((line) => (
            <p key={`${line.accountId} ${line.metric} ${line.period.start}`} className="muted">
              {formatMetricPhrase(line.metric, line.quantity)} more for {line.accountId}:{" "}
              {formatMoney(line.amountMinor, line.currency)}
              {line.invoice === null ? ", on no invoice" : `, on the ${line.invoice.kind} invoice`}
            </p>
          ))}
          {data.results.map(({ id, outcome, detail }) => (
            <p key={`${id} ${outcome}`} className="muted">
              {id}: {detail}
            </p>
          ))}
        </div>
      )}
      {preview.isError && <ProblemNotice error={preview.error} />}
      <ActionButton look="plain" isPending={preview.isPending} onClick={() => preview.mutate()}>
        {label}
      </ActionButton>
    </>
  );
}

function SetAside({ item }: { item: QuarantineDto }) {
  const path = `/quarantine/${item.id}`;
  const name = item.eventId ?? `no. ${item.id}`;
  const replay = useOperatorAction({
    path: `${path}/replay`,
    answer: () => ({
      title: isReport(item) ? `Stripe is told ${name} again where it lacks it` : `${name} was sent in again`,
    }),
  });
  const discard = useOperatorAction({
    path: `${path}/discard`,
    answer: () => ({ title: `${name} is discarded` }),
  });
  return (
    <article className="panel" aria-label={name}>
      <div className="panel-head">
        <h2>
          <code>{name}</code>
        </h2>
        <Badge {...standings[item.state]} />
      </div>
      <p>
        <strong>{reasonLabels[item.reason] ?? item.reason}.</strong> {item.detail}
      </p>
      <Facts
        facts={[
          ["Account", <AccountLink key="account" id={item.accountId} />],
          ["Metric", item.metric ?? "–"],
          ["Set aside", <Instant key="aside" at={item.quarantinedAt} style="minute" />],
        ]}
      />
      <details className="fold">
        <summary>{isReport(item) ? "The report" : "The event"}</summary>
        <pre>{JSON.stringify(item.event, null, 2)}</pre>
      </details>
      {item.state === "open" && (
        <div className="actions">
          {!isReport(item) && <Preview ids={[item.id]} label="What would it cost?" />}
          <Decision
            label={isReport(item) ? "Tell Stripe again" : "Send it in again"}
            question={
              isReport(item)
                ? "Stripe’s own summaries are asked first: it is told again only where they show that it is missing."
                : "It goes in under its own id, and counts once however often you do this. Of a closed period it is billed on the next invoice."
            }
            action={replay}
            isPrimary
          />
          <Decision
            label="Discard it"
            question="It stays uncounted for good. This cannot be taken back."
            action={discard}
          />
        </div>
      )}
    </article>
  );
}
