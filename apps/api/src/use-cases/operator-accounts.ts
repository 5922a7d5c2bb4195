import type { AccountDetailDto, AccountDto, AccountsQuery, Page } from "@driftlock/contracts";
import { accounts, type Db } from "@driftlock/db";
import type { AccessPolicy } from "@driftlock/domain";
import { readCursor, toPage } from "../cursor.ts";
import { toAccountDto } from "./account-dto.ts";
import { isEnding, readStanding, type SubscriptionRow } from "./account-standing.ts";

/** Accounts as operators see them. */
export function createOperatorAccounts({ db, accessPolicy }: { db: Db; accessPolicy: AccessPolicy }) {
  const listAccounts = async ({ search, limit, cursor }: AccountsQuery): Promise<Page<AccountDto>> => {
    const page = { search: search ?? null, limit: limit + 1, after: readCursor(cursor) };
    const rows = await accounts.listAccounts(db, page);
    return toPage(rows, limit, {
      position: (row) => ({ at: row.createdAt, id: row.accountId }),
      item: toAccountDto,
    });
  };

  /** @throws ACCOUNT_NOT_FOUND. */
  const getAccount = async (accountId: string): Promise<AccountDetailDto> => {
    const { account, selected, subscriptions, paymentState, access } = await readStanding(
      db,
      accountId,
      accessPolicy,
    );
    return {
      ...toAccountDto(account),
      planId: selected?.planId ?? "free",
      paymentState,
      access,
      subscriptions: subscriptions.toReversed().map(toSubscription),
    };
  };

  return { listAccounts, getAccount };
}

const toSubscription = (row: SubscriptionRow): AccountDetailDto["subscriptions"][number] => ({
  id: row.stripeSubscriptionId,
  planId: row.planId,
  planVersion: row.planVersion,
  status: row.status,
  period: { start: row.periodStart.toISOString(), end: row.periodEnd.toISOString() },
  cancelAtPeriodEnd: isEnding(row),
  pendingPlanId: row.pendingPlanId,
  pendingPlanVersion: row.pendingPlanVersion,
  startedAt: row.startedAt.toISOString(),
  endedAt: row.endedAt?.toISOString() ?? null,
});
