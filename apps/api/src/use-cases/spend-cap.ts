import type { SpendCapDto } from "@driftlock/contracts";
import { accounts, type Db } from "@driftlock/db";
import { requireAccount } from "./require-account.ts";

/** Every plan is sold in this currency. */
const currency = "usd";

/** What an account is willing to pay past its quotas in each period. @throws ACCOUNT_NOT_FOUND. */
export const createSpendCap = ({ db }: { db: Db }) => ({
  getSpendCap: async (accountId: string): Promise<SpendCapDto> => {
    const { spendCapMinor } = await requireAccount(db, accountId);
    return { amountMinor: spendCapMinor, currency };
  },
  /** A change is a newer version of the account's limits, which the worker puts into Redis within a second. */
  setSpendCap: async (accountId: string, amountMinor: number | null): Promise<SpendCapDto> => {
    await requireAccount(db, accountId);
    await accounts.updateSpendCap(db, accountId, amountMinor);
    return { amountMinor, currency };
  },
});
