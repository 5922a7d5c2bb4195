import type { SpendCapDto } from "@driftlock/contracts";
import { accounts, type Db } from "@driftlock/db";
import type { LoadAccounts } from "../usage/account-loader.ts";
import { requireAccount } from "./require-account.ts";

/** Every plan is sold in this currency. */
const currency = "usd";

/** What an account is willing to pay past its quotas in each period. @throws ACCOUNT_NOT_FOUND. */
export const createSpendCap = ({ db, loadAccounts }: { db: Db; loadAccounts: LoadAccounts }) => ({
  getSpendCap: async (accountId: string): Promise<SpendCapDto> => {
    const { spendCapMinor } = await requireAccount(db, accountId);
    return { amountMinor: spendCapMinor, currency };
  },
  /**
   * In force from its answer on. Should we die before the limits are in Redis, the worker puts them there within a second.
   * @throws UNAVAILABLE where they could not be put there; the cap is kept, and a repeat changes nothing.
   */
  setSpendCap: async (accountId: string, amountMinor: number | null): Promise<SpendCapDto> => {
    await requireAccount(db, accountId);
    await accounts.updateSpendCap(db, accountId, amountMinor);
    await loadAccounts([accountId]);
    return { amountMinor, currency };
  },
});
