import { accounts, stripeObjects, type Transaction } from "@driftlock/db";

export interface Owner {
  /** The account of the row that mirrors the object, where there is one. */
  mirroredAccountId?: string | null;
  stripeCustomerId: string | null;
  /** `account_id` of the object's metadata, which only we write. */
  metadataAccountId: string | null | undefined;
}

/** The account that an object belongs to, locked until the transaction ends; null when it is none of ours. */
export async function findAccountOf(tx: Transaction, owner: Owner): Promise<accounts.AccountRow | null> {
  const { mirroredAccountId, stripeCustomerId, metadataAccountId } = owner;
  const tied = stripeCustomerId === null ? null : await accounts.findAccountByCustomer(tx, stripeCustomerId);
  const accountId = mirroredAccountId ?? tied?.accountId ?? metadataAccountId;
  return accountId === null || accountId === undefined ? null : accounts.findAccountForUpdate(tx, accountId);
}

/** Ties an account to its customer where it has none; never to one that Stripe has deleted, however late we hear of it. */
export async function linkCustomer(
  tx: Transaction,
  { account, stripeCustomerId }: { account: accounts.AccountRow; stripeCustomerId: string | null },
): Promise<void> {
  if (stripeCustomerId === null || account.stripeCustomerId !== null) return;
  const customer = await stripeObjects.findStripeObject(tx, stripeCustomerId);
  if (customer?.isDeleted) return;
  await accounts.updateAccountCustomer(tx, account.accountId, stripeCustomerId);
}
