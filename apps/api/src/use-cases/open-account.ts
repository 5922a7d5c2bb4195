import { type AccountDto, AppError, type OpenAccountBody } from "@driftlock/contracts";
import { accounts, auditLog, catalog, type Db, type Queryable } from "@driftlock/db";
import { initialFreePeriods } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { EnsureAccount } from "../auth/authenticate-token.ts";
import { toAccountDto } from "./account-dto.ts";

type NewAccount = Parameters<EnsureAccount>[0];

/** Opens an account on Free, its periods anchored at `now`. @returns false where it exists already. */
export async function insertFreeAccount(q: Queryable, account: NewAccount, now: Date): Promise<boolean> {
  const plans = await catalog.listPlans(q);
  const free = plans.find((plan) => plan.planId === "free" && plan.isCurrent);
  if (free === undefined) throw new AppError("UNAVAILABLE", "The plan catalogue is not set up yet.");
  return accounts.insertAccount(q, {
    ...account,
    now,
    freePlanVersion: free.version,
    periods: initialFreePeriods(now),
  });
}

/** For the first call of a token: opens the account it names where there is none; a repeat changes nothing. */
export const createEnsureAccount =
  ({ db, clock }: { db: Db; clock: Clock }): EnsureAccount =>
  async (account) => {
    if ((await accounts.findAccount(db, account.accountId)) !== null) return;
    await db.transaction((tx) => insertFreeAccount(tx, account, clock.now()));
  };

/** An operator opens an account; without an id it gets one. @throws ACCOUNT_EXISTS. */
export const createOpenAccount =
  ({ db, clock, makeAccountId }: { db: Db; clock: Clock; makeAccountId: () => string }) =>
  async (actor: string, body: OpenAccountBody): Promise<AccountDto> => {
    const accountId = body.id ?? makeAccountId();
    const now = clock.now();
    return db.transaction(async (tx) => {
      const account = { accountId, name: body.name ?? null, email: body.email ?? null };
      if (!(await insertFreeAccount(tx, account, now))) {
        throw new AppError("ACCOUNT_EXISTS", `There is an account "${accountId}" already.`);
      }
      await auditLog.insertAuditEntry(tx, {
        actor,
        action: "account.opened",
        target: accountId,
        detail: {},
        now,
      });
      return toAccountDto({ ...account, stripeCustomerId: null, createdAt: now });
    });
  };
