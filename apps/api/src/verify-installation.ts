import { AppError } from "@driftlock/contracts";
import { type Db, installation } from "@driftlock/db";
import type { Logger } from "@driftlock/runtime";
import { type Stripe, verifyStripeAccount } from "@driftlock/stripe";

interface Deps {
  db: Db;
  stripe: Stripe;
  secretKey: string;
  mode: "simulator" | "test" | "live";
  log: Logger;
}

/**
 * Refuses to serve from a database of another mode or another Stripe account (DESIGN 2.2). Stripe away is no reason
 * not to start: usage and quotas do without it. @throws with a message for whoever set the process up.
 */
export async function verifyInstallation({ db, stripe, secretKey, mode, log }: Deps): Promise<void> {
  const bound = await installation.findInstallation(db);
  if (bound === null) throw notSetUp();
  if (bound.mode !== mode) {
    throw new Error(`this database belongs to mode "${bound.mode}", and DRIFTLOCK_MODE is "${mode}"`);
  }
  try {
    await verifyStripeAccount({ stripe, secretKey, mode, boundTo: bound.stripeAccountId });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "STRIPE_UNAVAILABLE") throw error;
    log.warn({ err: error }, "stripe.not-verified");
  }
}

/** How many partitions usage has: fixed when the database was set up. @throws where it was not. */
export async function readUsagePartitions(db: Db): Promise<number> {
  const bound = await installation.findInstallation(db);
  if (bound === null) throw notSetUp();
  return bound.usagePartitions;
}

const notSetUp = () => new Error("this database is not set up: run the migrations and the seed first");
