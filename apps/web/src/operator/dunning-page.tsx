import type { DisputeDto, DunningCaseDetailDto, DunningCaseDto } from "@driftlock/contracts";
import type { Standing } from "../account/standing.ts";
import { Badge } from "../components/badge.tsx";
import { Facts } from "../components/facts.tsx";
import { Fold } from "../components/fold.tsx";
import { Instant } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { StackingTable } from "../components/stacking-table.tsx";
import { formatMoney } from "../format/money.ts";
import { Answer, useOperatorAction, useOperatorList, useOperatorObject } from "./operator-context.tsx";
import { AccountLink, Decision, type Filter, Filters, List } from "./operator-parts.tsx";

const states = [
  { value: "", label: "Open" },
  { value: "all", label: "All" },
];

const standings: Record<DunningCaseDto["state"], Standing> = {
  retrying: { label: "Tried again", tone: "warning" },
  waiting_for_card: { label: "Waits for a card", tone: "warning" },
  action_required: { label: "Waits for the customer", tone: "warning" },
  recovered: { label: "Paid", tone: "good" },
  gave_up: { label: "Given up", tone: "danger" },
  stopped: { label: "Stopped", tone: "neutral" },
};

const nextSteps: Record<NonNullable<DunningCaseDto["nextStep"]>, string> = {
  retry: "another try",
  final: "the last step",
  resume: "its paused plan goes on",
};

/** The invoices whose payment failed, and the payments that banks ask back. */
export function DunningPage({ filter }: { filter: Filter }) {
  const cases = useOperatorList<DunningCaseDto>("/dunning", { state: filter["state"] ?? "open" });
  return (
    <Page title="Unpaid invoices" lead="One story for each invoice whose payment failed, the newest first.">
      <Filters
        to="/app/operator/dunning"
        filter={filter}
        fields={[{ name: "state", label: "Which", options: states }]}
      />
      <Answer />
      <List list={cases} what="the unpaid invoices" empty="No payment waits for anything.">
        {(items) => (
          <div className="cards">
            {items.map((item) => (
              <Case key={item.invoiceId} item={item} />
            ))}
          </div>
        )}
      </List>
      <Disputes />
    </Page>
  );
}

function Case({ item }: { item: DunningCaseDto }) {
  const { invoiceId, accountId, amountRemainingMinor, currency, hostedUrl, nextStep, nextStepAt } = item;
  const path = `/dunning/${encodeURIComponent(invoiceId)}`;
  const retry = useOperatorAction({
    path: `${path}/retry`,
    answer: () => ({ title: `The payment of ${invoiceId} is tried now` }),
  });
  const stop = useOperatorAction({
    path: `${path}/stop`,
    answer: () => ({ title: `${invoiceId} is not collected any more` }),
  });
  const isOver = item.settledAt !== null;
  return (
    <article className="panel" aria-label={`Invoice ${invoiceId}`}>
      <div className="panel-head">
        <h2>
          {formatMoney(amountRemainingMinor, currency)} of <AccountLink id={accountId} />
        </h2>
        <Badge {...standings[item.state]} />
      </div>
      <Facts
        facts={[
          ["Invoice", hostedUrl === null ? invoiceId : <a href={hostedUrl}>{invoiceId}</a>],
          ["First failed", <Instant key="first" at={item.firstFailedAt} style="minute" />],
          ["Declined with", item.declineCode ?? "no code"],
          ["Tries", `${item.attempts} of ours, ${item.stripeAttempts} of Stripe’s`],
          [
            "Comes next",
            nextStepAt === null ? (
              "nothing by itself"
            ) : (
              <span key="next">
                {nextStep !== null && `${nextSteps[nextStep]}, `}
                <Instant at={nextStepAt} style="minute" />
              </span>
            ),
          ],
        ]}
      />
      <Fold title="Each of our tries">
        <Tries path={path} />
      </Fold>
      {!isOver && (
        <div className="actions">
          <Decision
            label="Try the payment now"
            question="The card on file is charged at once, whatever the schedule says."
            action={retry}
            isPrimary
          />
          <Decision
            label="Stop collecting"
            question="Nobody tries this invoice any more. It stays open at Stripe, where it can be paid, voided or written off. This cannot be taken back here."
            action={stop}
          />
        </div>
      )}
    </article>
  );
}

const reasons = { schedule: "on its day", new_card: "a new card", operator: "an operator" };

function Tries({ path }: { path: string }) {
  const detail = useOperatorObject<DunningCaseDetailDto>(path);
  return (
    <Loaded query={detail} what="the tries">
      {({ tries }) =>
        tries.length === 0 ? (
          <p className="muted">There was none yet.</p>
        ) : (
          <StackingTable
            rows={tries}
            keyOf={({ attempt }) => attempt}
            columns={[
              { label: "Try", cell: ({ attempt }) => attempt },
              { label: "When", cell: ({ startedAt }) => <Instant at={startedAt} style="minute" /> },
              { label: "Because of", cell: ({ reason }) => reasons[reason] },
              {
                label: "Outcome",
                cell: ({ outcome, declineCode }) =>
                  `${outcome ?? "on its way"}${declineCode === null ? "" : ` (${declineCode})`}`,
              },
            ]}
          />
        )
      }
    </Loaded>
  );
}

function Disputes() {
  const disputes = useOperatorList<DisputeDto>("/disputes");
  return (
    <section className="panel" aria-labelledby="disputes-title">
      <h2 id="disputes-title">Disputes</h2>
      <List list={disputes} what="the disputes" empty="No bank asks a payment back.">
        {(items) => (
          <StackingTable
            rows={items}
            keyOf={({ id }) => id}
            columns={[
              { label: "Account", cell: ({ accountId }) => <AccountLink id={accountId} /> },
              {
                label: "State",
                cell: ({ status, reason }) => `${status} (${reason})`.replaceAll("_", " "),
              },
              { label: "Opened", cell: ({ openedAt }) => <Instant at={openedAt} /> },
              {
                label: "Evidence until",
                cell: ({ evidenceDueAt: at }) => (at === null ? "–" : <Instant at={at} />),
              },
              {
                label: "Amount",
                isNumber: true,
                cell: ({ amountMinor, currency }) => formatMoney(amountMinor, currency),
              },
            ]}
          />
        )}
      </List>
      <p className="muted">They are answered in Stripe’s Dashboard.</p>
    </section>
  );
}
