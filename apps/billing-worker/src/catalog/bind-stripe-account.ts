import { type Db, installation } from "@driftlock/db";
import { type Stripe, verifyStripeAccount } from "@driftlock/stripe";

interface BindingDeps {
  db: Db;
  stripe: Stripe;
  secretKey: string;
  mode: "simulator" | "test" | "live";
}

/**
 * Ties the database to the Stripe account of this key, at its first set-up.
 * @throws when it was set up for another mode or account, or never.
 */
export async function bindStripeAccount({ db, stripe, secretKey, mode }: BindingDeps): Promise<string> {
  const bound = await findBinding(db, mode);
  const id = await verifyStripeAccount({ stripe, secretKey, mode, boundTo: bound.stripeAccountId });
  await installation.updateStripeAccount(db, id);
  // Somebody else may have been first, with another account.
  const { stripeAccountId } = await findBinding(db, mode);
  return verifyStripeAccount({ stripe, secretKey, mode, boundTo: stripeAccountId });
}

/** Refuses to start on a database that belongs to another mode or account, or to none yet. */
export async function expectStripeAccount({ db, stripe, secretKey, mode }: BindingDeps): Promise<void> {
  const { stripeAccountId: boundTo } = await findBinding(db, mode);
  if (boundTo === null)
    throw new Error("this database is not bound to a Stripe account: run the set-up of Stripe first");
  await verifyStripeAccount({ stripe, secretKey, mode, boundTo });
}

async function findBinding(db: Db, mode: string): Promise<installation.InstallationRow> {
  const bound = await installation.findInstallation(db);
  if (bound === null) throw new Error("this database has no catalogue yet: run the seed first");
  if (bound.mode !== mode)
    throw new Error(`this database belongs to mode "${bound.mode}", and DRIFTLOCK_MODE is "${mode}"`);
  return bound;
}
