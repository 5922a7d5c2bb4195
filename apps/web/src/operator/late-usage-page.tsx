import type { AdjustmentDto } from "@driftlock/contracts";
import { adjustmentReason } from "../account/adjustment-words.ts";
import type { Standing } from "../account/standing.ts";
import { Badge } from "../components/badge.tsx";
import { Facts } from "../components/facts.tsx";
import { Instant, Period } from "../components/instant.tsx";
import { Page } from "../components/page.tsx";
import { formatMetric, metricWords } from "../format/metric.ts";
import { formatMoney } from "../format/money.ts";
import { Link } from "../routing/navigation.tsx";
import { Answer, useOperatorAction, useOperatorList } from "./operator-context.tsx";
import { AccountLink, Decision, type Filter, Filters, List } from "./operator-parts.tsx";

const standings: Record<AdjustmentDto["state"], Standing> = {
  review: { label: "You decide", tone: "warning" },
  pending: { label: "To be billed", tone: "neutral" },
  sending: { label: "Being billed", tone: "neutral" },
  sent: { label: "On the next invoice", tone: "neutral" },
  invoiced: { label: "Invoiced", tone: "good" },
  settled: { label: "Costs nothing", tone: "good" },
  waived: { label: "Waived", tone: "neutral" },
};

const states = [
  { value: "", label: "Any" },
  ...Object.entries(standings).map(([value, { label }]) => ({ value, label })),
];

const waivable = new Set<AdjustmentDto["state"]>(["review", "pending"]);

/** Usage that came after its period was closed, and what becomes of its money. */
export function LateUsagePage({ filter }: { filter: Filter }) {
  const query = { state: filter["state"] ?? null, accountId: filter["accountId"] ?? null };
  const list = useOperatorList<AdjustmentDto>("/usage/adjustments", query);
  return (
    <Page
      title="Late usage"
      lead={
        <>
          What came after its period was closed, and what of a closed period Stripe was not told in time. What
          an operator has to let in first waits under{" "}
          <Link to="/app/operator/quarantine?reason=late">Set aside</Link>; reports that Stripe took and has
          not, <Link to="/app/operator/quarantine?reason=stripe%3Alost">too</Link>.
        </>
      }
    >
      <Filters
        to="/app/operator/late-usage"
        filter={filter}
        fields={[
          { name: "state", label: "State", options: states },
          { name: "accountId", label: "Account" },
        ]}
      />
      <Answer />
      <List list={list} what="the late usage" empty="No usage came late.">
        {(items) => (
          <div className="cards">
            {items.map((item) => (
              <Adjustment key={item.id} item={item} />
            ))}
          </div>
        )}
      </List>
    </Page>
  );
}

function Adjustment({ item }: { item: AdjustmentDto }) {
  const { id, metric, amountMinor, currency, fromQuantity, toQuantity, state } = item;
  const path = `/usage/adjustments/${encodeURIComponent(id)}`;
  const money = formatMoney(amountMinor, currency);
  const told = (what: string) => () => ({ title: `${money} of ${item.accountId} ${what}` });
  const bill = useOperatorAction({ path: `${path}/bill`, answer: told("is billed") });
  const waive = useOperatorAction({ path: `${path}/waive`, answer: told("is waived") });
  return (
    <article className="panel" aria-label={`${metricWords(metric).name} of ${item.accountId}`}>
      <div className="panel-head">
        <h2>
          {money} for {metricWords(metric).units} of <AccountLink id={item.accountId} />
        </h2>
        <Badge {...standings[state]} />
      </div>
      <Facts
        facts={[
          ["Period", <Period key="period" period={item.period} />],
          ["Counted", `${formatMetric(metric, fromQuantity)} → ${formatMetric(metric, toQuantity)}`],
          ["Because", adjustmentReason(item.reason)],
          ["Seen", <Instant key="seen" at={item.createdAt} style="minute" />],
          ["Invoice", item.invoiceId ?? "none yet"],
        ]}
      />
      {item.lastError !== null && <p>Stripe refused it: {item.lastError}</p>}
      {waivable.has(state) && (
        <div className="actions">
          {state === "review" && (
            <Decision
              label="Bill it"
              question={`${money} is put on the subscription’s next invoice.`}
              action={bill}
              isPrimary
            />
          )}
          <Decision
            label="Waive it"
            question="It is never billed, and does not come back with the next late usage. This cannot be taken back."
            action={waive}
          />
        </div>
      )}
    </article>
  );
}
