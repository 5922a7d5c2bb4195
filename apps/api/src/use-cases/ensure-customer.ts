import { accounts, type Db, stripeObjects } from "@driftlock/db";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { requireAccount } from "./require-account.ts";

/** The account's customer at Stripe, made at its first need. @throws ACCOUNT_NOT_FOUND, STRIPE_UNAVAILABLE. */
export type EnsureCustomer = (accountId: string) => Promise<string>;

/**
 * One customer for each account: two requests at once, or one that repeats after a crash, send the same idempotency
 * key with the same parameters and get the same customer; the row takes the first and keeps it.
 */
export const createEnsureCustomer =
  ({ db, stripe }: { db: Db; stripe: Stripe }): EnsureCustomer =>
  async (accountId) => {
    const account = await requireAccount(db, accountId);
    if (account.stripeCustomerId !== null) return account.stripeCustomerId;
    const { name, email } = account;
    // An account of the same id in another database, or after a reset of this one, opened at another instant.
    const firstKey = `customer.${accountId}.${account.createdAt.getTime()}`;
    // Under a key that made one before Stripe would answer with that one, which it has deleted since. Their number only
    // grows, whichever of them was fetched last.
    const formerCount = await stripeObjects.countDeletedCustomers(db, accountId);
    const customer = await stripeCall(() =>
      stripe.customers.create(
        {
          ...(name !== null && { name }),
          ...(email !== null && { email }),
          metadata: { account_id: accountId },
        },
        { idempotencyKey: formerCount === 0 ? firstKey : `${firstKey}.after.${formerCount}` },
      ),
    );
    await accounts.updateAccountCustomer(db, accountId, customer.id);
    const stored = await accounts.findAccount(db, accountId);
    return stored?.stripeCustomerId ?? customer.id;
  };
