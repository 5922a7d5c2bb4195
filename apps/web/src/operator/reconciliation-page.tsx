import type { MirrorDifferenceDto, ReconciliationDto } from "@driftlock/contracts";
import { Badge } from "../components/badge.tsx";
import { Facts } from "../components/facts.tsx";
import { Instant, Period } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { StackingTable } from "../components/stacking-table.tsx";
import { formatMetric, metricWords } from "../format/metric.ts";
import { Answer, useOperatorList } from "./operator-context.tsx";
import { AccountLink, type Filter, Filters, List } from "./operator-parts.tsx";
import { differenceMeaning, figureFacts, reconciliationStanding } from "./reconciliation-words.ts";
import { Repair } from "./repair.tsx";
import { SignedReport } from "./signed-report.tsx";

const states = [
  { value: "", label: "All, drift first" },
  { value: "drifted", label: "Drifted" },
  { value: "in_flight", label: "On its way" },
  { value: "repaired", label: "Repaired" },
  { value: "agrees", label: "Agrees" },
];

/** Whether what was accepted, stored, counted, reported and invoiced is the same, and how to mend it where not. */
export function ReconciliationPage({ filter }: { filter: Filter }) {
  const query = { state: filter["state"] ?? null, accountId: filter["accountId"] ?? null };
  const rows = useOperatorList<ReconciliationDto>("/reconciliation", query);
  return (
    <Page
      title="Reconciliation"
      lead="What was accepted, stored, counted live, told to Stripe and invoiced is compared all the time, for each account, metric and period. What differs for a minute with nothing on its way is drift."
    >
      <Verdict />
      <Filters
        to="/app/operator"
        filter={filter}
        fields={[
          { name: "state", label: "State", options: states },
          { name: "accountId", label: "Account" },
        ]}
      />
      <Answer />
      <List list={rows} what="the comparisons" empty="Nothing of that kind was compared.">
        {(items) => (
          <div className="cards">
            {items.map((row) => (
              <Comparison key={row.id} row={row} />
            ))}
          </div>
        )}
      </List>
      <StripeDifferences />
      <SignedReport />
    </Page>
  );
}

/** The answer to the question that one comes with, whatever the list is narrowed down to. */
function Verdict() {
  const drifted = useOperatorList<ReconciliationDto>("/reconciliation", { state: "drifted" });
  return (
    <Loaded query={drifted} what="whether there is drift">
      {({ pages }) => {
        const count = pages.flatMap(({ data }) => data).length;
        if (count === 0) return <Notice tone="good" title="There is no drift" />;
        const figure = `${count}${drifted.hasNextPage ? " or more" : ""}`;
        return (
          <Notice
            tone="danger"
            title={count === 1 ? "One comparison has drifted" : `${figure} comparisons have drifted`}
          >
            See what a repair would do before you let it be done.
          </Notice>
        );
      }}
    </Loaded>
  );
}

function Comparison({ row }: { row: ReconciliationDto }) {
  const { metric, period, state, differences } = row;
  const name = `${metricWords(metric).name} of ${row.accountId}`;
  const facts = figureFacts(row);
  return (
    <article className="panel" aria-label={name}>
      <div className="panel-head">
        <h2>
          {metricWords(metric).name} of <AccountLink id={row.accountId} />
        </h2>
        <Badge {...reconciliationStanding[state]} />
      </div>
      <p className="muted">
        <Period period={period} /> · so since <Instant at={row.since} style="minute" /> · compared{" "}
        <Instant at={row.comparedAt} style="minute" />
      </p>
      {differences.map(({ kind, expected, found, since }) => (
        <div key={kind} className="difference">
          <p>
            <strong>{differenceMeaning(kind).what}</strong> Found {formatMetric(metric, found)}, should be{" "}
            {formatMetric(metric, expected)}, since <Instant at={since} style="minute" />.
          </p>
          <p className="muted">{differenceMeaning(kind).repair}</p>
        </div>
      ))}
      {facts.length > 0 && (
        <details className="fold" open={state === "drifted"}>
          <summary>All figures</summary>
          <Facts facts={facts} />
        </details>
      )}
      {(state === "drifted" || differences.length > 0) && <Repair id={row.id} name={name} />}
    </article>
  );
}

/** Where Stripe has something else than our mirror says. */
function StripeDifferences() {
  const differences = useOperatorList<MirrorDifferenceDto>("/reconciliation/stripe");
  return (
    <section className="panel" aria-labelledby="stripe-title">
      <h2 id="stripe-title">Objects of Stripe that are not as we have them</h2>
      <List list={differences} what="what differs" empty="All are as we have them.">
        {(items) => (
          <StackingTable
            rows={items}
            keyOf={({ objectId, difference }) => `${objectId} ${difference}`}
            columns={[
              {
                label: "Object",
                cell: ({ objectType, objectId }) => (
                  <>
                    {objectType} <code>{objectId}</code>
                  </>
                ),
              },
              { label: "Account", cell: ({ accountId }) => <AccountLink id={accountId} /> },
              { label: "Differs in", cell: ({ difference }) => difference },
              {
                label: "Seen",
                cell: ({ seenAt, looks }) => (
                  <>
                    <Instant at={seenAt} style="minute" />, {looks === 1 ? "once" : `${looks} times`}
                  </>
                ),
              },
            ]}
          />
        )}
      </List>
      <p className="muted">
        Each is fetched again when it is seen. One that is seen more than once was not mended by that: look
        for its failed job.
      </p>
    </section>
  );
}
