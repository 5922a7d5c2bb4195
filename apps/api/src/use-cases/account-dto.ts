import type { AccountDto } from "@driftlock/contracts";

/** Renders an account's row for operators. */
export const toAccountDto = (account: {
  accountId: string;
  name: string | null;
  email: string | null;
  stripeCustomerId: string | null;
  createdAt: Date;
}): AccountDto => ({
  id: account.accountId,
  name: account.name,
  email: account.email,
  stripeCustomerId: account.stripeCustomerId,
  createdAt: account.createdAt.toISOString(),
});
