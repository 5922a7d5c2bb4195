import type { DisputeDto, DunningCaseDetailDto, DunningCaseDto } from "@driftlock/contracts";
import { useState } from "react";
import type { Standing } from "../account/standing.ts";
import { Badge } from "../components/badge.tsx";
import { Instant } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { formatMoney } from "../format/money.ts";
import { Answer, useOperatorAction, useOperatorList, useOperatorObject } from "./operator-context.tsx";
import { AccountLink, Decision, Facts, type Filter, Filters, List } from "./operator-parts.tsx";

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
      <Tries path={path} />
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

function Tries({ path }: { path: string }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="fold" onToggle={({ currentTarget }) => setIsOpen(currentTarget.open)}>
      <summary>Each of our tries</summary>
      {isOpen && <TriesTable path={path} />}
    </details>
  );
}

const reasons = { schedule: "on its day", new_card: "a new card", operator: "an operator" };

function TriesTable({ path }: { path: string }) {
  const detail = useOperatorObject<DunningCaseDetailDto>(path);
  return (
    <Loaded query={detail} what="the tries">
      {({ tries }) =>
        tries.length === 0 ? (
          <p className="muted">There was none yet.</p>
        ) : (
          <table className="stacking">
            <thead>
              <tr>
                <th scope="col">Try</th>
                <th scope="col">When</th>
                <th scope="col">Because of</th>
                <th scope="col">Outcome</th>
              </tr>
            </thead>
            <tbody>
              {tries.map(({ attempt, startedAt, reason, outcome, declineCode }) => (
                <tr key={attempt}>
                  <th scope="row" data-label="Try">
                    {attempt}
                  </th>
                  <td data-label="When">
                    <Instant at={startedAt} style="minute" />
                  </td>
                  <td data-label="Because of">{reasons[reason]}</td>
                  <td data-label="Outcome">
                    {outcome ?? "on its way"}
                    {declineCode !== null && ` (${declineCode})`}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
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
          <table className="stacking">
            <thead>
              <tr>
                <th scope="col">Account</th>
                <th scope="col">State</th>
                <th scope="col">Opened</th>
                <th scope="col">Evidence until</th>
                <th scope="col" className="number">
                  Amount
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((dispute) => (
                <tr key={dispute.id}>
                  <th scope="row" data-label="Account">
                    <AccountLink id={dispute.accountId} />
                  </th>
                  <td data-label="State">
                    {dispute.status.replaceAll("_", " ")} ({dispute.reason.replaceAll("_", " ")})
                  </td>
                  <td data-label="Opened">
                    <Instant at={dispute.openedAt} />
                  </td>
                  <td data-label="Evidence until">
                    {dispute.evidenceDueAt === null ? "–" : <Instant at={dispute.evidenceDueAt} />}
                  </td>
                  <td data-label="Amount" className="number">
                    {formatMoney(dispute.amountMinor, dispute.currency)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </List>
      <p className="muted">They are answered in Stripe’s Dashboard.</p>
    </section>
  );
}
