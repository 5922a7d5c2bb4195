import type { AccountDto } from "@driftlock/contracts";
import { Instant } from "../components/instant.tsx";
import { Page } from "../components/page.tsx";
import { StackingTable } from "../components/stacking-table.tsx";
import { useOperatorList } from "./operator-context.tsx";
import { AccountLink, type Filter, Filters, List } from "./operator-parts.tsx";

/** All accounts, the newest first, or those that something leads to. */
export function AccountsPage({ filter }: { filter: Filter }) {
  const accounts = useOperatorList<AccountDto>("/accounts", { search: filter["search"] ?? null });
  return (
    <Page title="Accounts">
      <Filters
        to="/app/operator/accounts"
        filter={filter}
        fields={[{ name: "search", label: "Id, name, mail address or Stripe customer" }]}
      />
      <List list={accounts} what="the accounts" empty="There is no such account.">
        {(items) => (
          <div className="panel">
            <StackingTable
              rows={items}
              keyOf={({ id }) => id}
              columns={[
                { label: "Account", cell: ({ id }) => <AccountLink id={id} /> },
                { label: "Name", cell: ({ name, email }) => [name, email].filter(Boolean).join(", ") || "–" },
                {
                  label: "Stripe customer",
                  cell: ({ stripeCustomerId: id }) => (id === null ? "–" : <code>{id}</code>),
                },
                { label: "Since", cell: ({ createdAt }) => <Instant at={createdAt} /> },
              ]}
            />
          </div>
        )}
      </List>
    </Page>
  );
}
