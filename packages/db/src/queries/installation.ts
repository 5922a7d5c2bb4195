import type { Queryable } from "../db.ts";
import { sql } from "../sql.ts";

export interface InstallationRow {
  mode: "simulator" | "test" | "live";
  stripeAccountId: string | null;
  /** Marks what this database made in Stripe. */
  installationId: string;
  /** The portal's configuration that is ours; null before the catalogue was pushed. */
  stripePortalConfigurationId: string | null;
  usagePartitions: number;
  createdAt: Date;
}

/** What this database belongs to, or null before the first set-up. */
export const findInstallation = (q: Queryable): Promise<InstallationRow | null> =>
  q.row(
    "installation.find",
    sql`select mode, stripe_account_id as "stripeAccountId", installation_id as "installationId",
      stripe_portal_configuration_id as "stripePortalConfigurationId", usage_partitions as "usagePartitions",
      created_at as "createdAt" from installation`,
  );

/** Binds the database to a mode and a partition count, once; a later call changes nothing. */
export const insertInstallation = (
  q: Queryable,
  installation: { mode: string; usagePartitions: number; now: Date },
): Promise<number> =>
  q.run(
    "installation.insert",
    sql`insert into installation (mode, usage_partitions, created_at)
    values (${installation.mode}::text, ${installation.usagePartitions}::int, ${installation.now}::timestamptz)
    on conflict (is_only) do nothing`,
  );

/** Binds the database to a Stripe account, once: a second account changes nothing, the caller compares. */
export const updateStripeAccount = (q: Queryable, stripeAccountId: string): Promise<number> =>
  q.run(
    "installation.updateStripeAccount",
    sql`update installation set stripe_account_id = ${stripeAccountId}::text where stripe_account_id is null`,
  );

/** Remembers the portal's configuration that sessions name. */
export const updatePortalConfiguration = (q: Queryable, configurationId: string): Promise<number> =>
  q.run(
    "installation.updatePortalConfiguration",
    sql`update installation set stripe_portal_configuration_id = ${configurationId}::text`,
  );
