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
 * Refuses to write into a database of another mode or another Stripe account (DESIGN 2.2); Stripe away is no reason not
 * to start. @returns how many partitions usage has. @throws with a message for whoever set the process up.
 */
export async function verifyInstallation({ db, stripe, secretKey, mode, log }: Deps): Promise<number> {
  const bound = await installation.findInstallation(db);
  if (bound === null) throw new Error("this database is not set up: run the migrations and the seed first");
  if (bound.mode !== mode) {
    throw new Error(`this database belongs to mode "${bound.mode}", and DRIFTLOCK_MODE is "${mode}"`);
  }
  try {
    await verifyStripeAccount({ stripe, secretKey, mode, boundTo: bound.stripeAccountId });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "STRIPE_UNAVAILABLE") throw error;
    log.warn({ err: error }, "stripe.not-verified");
  }
  return bound.usagePartitions;
}
