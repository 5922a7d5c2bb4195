import type { AccountDto } from "@driftlock/contracts";
import { Instant } from "../components/instant.tsx";
import { Page } from "../components/page.tsx";
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
            <table className="stacking">
              <thead>
                <tr>
                  <th scope="col">Account</th>
                  <th scope="col">Name</th>
                  <th scope="col">Stripe customer</th>
                  <th scope="col">Since</th>
                </tr>
              </thead>
              <tbody>
                {items.map(({ id, name, email, stripeCustomerId, createdAt }) => (
                  <tr key={id}>
                    <th scope="row" data-label="Account">
                      <AccountLink id={id} />
                    </th>
                    <td data-label="Name">{[name, email].filter(Boolean).join(", ") || "–"}</td>
                    <td data-label="Stripe customer">
                      {stripeCustomerId === null ? "–" : <code>{stripeCustomerId}</code>}
                    </td>
                    <td data-label="Since">
                      <Instant at={createdAt} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </List>
    </Page>
  );
}
