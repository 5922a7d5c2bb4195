import type { AccountDetailDto } from "@driftlock/contracts";
import type { Standing } from "../account/standing.ts";
import { Badge } from "../components/badge.tsx";
import { Facts } from "../components/facts.tsx";
import { Instant, Period } from "../components/instant.tsx";
import { Loaded } from "../components/loaded.tsx";
import { Page } from "../components/page.tsx";
import { StackingTable } from "../components/stacking-table.tsx";
import { Link } from "../routing/navigation.tsx";
import { useOperatorObject } from "./operator-context.tsx";

const payment: Record<AccountDetailDto["paymentState"], Standing> = {
  ok: { label: "Nothing owed", tone: "good" },
  action_required: { label: "To be confirmed", tone: "warning" },
  past_due: { label: "Past due", tone: "danger" },
  unpaid: { label: "Unpaid", tone: "danger" },
  disputed: { label: "Disputed", tone: "warning" },
};

/** One account: where it stands, and what there is of it on the other pages. */
export function AccountPage({ accountId }: { accountId: string }) {
  const account = useOperatorObject<AccountDetailDto>(`/accounts/${encodeURIComponent(accountId)}`);
  const of = `accountId=${encodeURIComponent(accountId)}`;
  return (
    <Page title={accountId}>
      <p>
        <Link to="/app/operator/accounts">← All accounts</Link>
      </p>
      <Loaded query={account} what="the account">
        {(data) => <Account account={data} />}
      </Loaded>
      <nav className="actions" aria-label="Of this account">
        <Link className="button" to={`/app/operator?${of}`}>
          Reconciliation
        </Link>
        <Link className="button" to={`/app/operator/quarantine?${of}`}>
          Set aside
        </Link>
        <Link className="button" to={`/app/operator/late-usage?${of}`}>
          Late usage
        </Link>
      </nav>
    </Page>
  );
}

function Account({ account }: { account: AccountDetailDto }) {
  const { name, email, stripeCustomerId, planId, paymentState, access, createdAt, subscriptions } = account;
  return (
    <section className="panel" aria-label="The account">
      <div className="panel-head">
        <h2>{name ?? email ?? "No name"}</h2>
        <Badge {...payment[paymentState]} />
      </div>
      <Facts
        facts={[
          ["Plan", planId],
          ["Access", access.replaceAll("_", " ")],
          ["Mail", email ?? "–"],
          ["Stripe customer", stripeCustomerId === null ? "–" : <code key="id">{stripeCustomerId}</code>],
          ["Since", <Instant key="since" at={createdAt} style="minute" />],
        ]}
      />
      {subscriptions.length === 0 ? (
        <p className="muted">It never had a subscription.</p>
      ) : (
        <StackingTable
          rows={subscriptions}
          keyOf={({ id }) => id}
          columns={[
            { label: "Subscription", cell: ({ id }) => <code>{id}</code> },
            { label: "Plan", cell: ({ planVersion, ...of }) => `${of.planId}, version ${planVersion}` },
            { label: "Status", cell: ({ status }) => status.replaceAll("_", " ") },
            { label: "Period", cell: ({ period }) => <Period period={period} /> },
            { label: "Then", cell: (subscription) => <Next subscription={subscription} /> },
          ]}
        />
      )}
    </section>
  );
}

function Next({ subscription }: { subscription: AccountDetailDto["subscriptions"][number] }) {
  const { endedAt, cancelAtPeriodEnd, pendingPlanId, pendingPlanVersion } = subscription;
  if (endedAt !== null) {
    return (
      <>
        ended <Instant at={endedAt} />
      </>
    );
  }
  if (cancelAtPeriodEnd) return <>ends</>;
  if (pendingPlanId === null) return <>renews</>;
  // A move between versions of a plan has the plan's own name.
  const version = pendingPlanVersion === null ? "" : `, version ${pendingPlanVersion}`;
  return (
    <>
      goes on as {pendingPlanId}
      {version}
    </>
  );
}
