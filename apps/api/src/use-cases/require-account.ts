import { accounts, type Queryable } from "@driftlock/db";
import { noSuchAccount } from "../auth/credential.ts";

/** The account's row. @throws ACCOUNT_NOT_FOUND. */
export async function requireAccount(q: Queryable, accountId: string) {
  const account = await accounts.findAccount(q, accountId);
  if (account === null) throw noSuchAccount(accountId);
  return account;
}
